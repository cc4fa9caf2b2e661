//go:build libav && cgo

package av

import (
	"runtime"
	"slices"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// ladder encodes pictures in one layer or several.
type ladder struct {
	want    wire.Video
	threads int
	out     *outlet
	fault   chan error

	rungs  []*rung
	made   *media.Track
	size   shape // of the pictures, when the rungs were made
	period int64 // number of the period between key units that the last picture is in
	key    bool  // the next picture is to be a key unit
	strain strain
}

func newLadder(job wire.Job, out *outlet) *ladder {
	return &ladder{want: *job.Video, threads: job.Threads, out: out, fault: make(chan error, 1), strain: strain{layers: len(job.Video.Layers)}}
}

// show has a picture of source, which comes so late, encoded in all layers. It is only
// lent.
func (l *ladder) show(f *astiav.Frame, s stamp, late time.Duration, source *media.Track) error {
	select {
	case err := <-l.fault:
		return err
	default:
	}
	if err := l.prepare(f, source); err != nil {
		return err
	}
	return l.climb(f, s, late, l.keyDue(s))
}

// keyDue says whether the picture is to be a key unit on all layers.
func (l *ladder) keyDue(s stamp) bool {
	due := l.key
	l.key = false
	if l.want.KeyframeEveryMillis == 0 {
		return due || s.flags.Has(media.Key)
	}
	period := floorDiv(int64(s.pts)*1000, l.want.KeyframeEveryMillis*int64(media.VideoRate))
	due = due || period != l.period
	l.period = period
	return due
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// climb hands a picture down the layers, each of which is scaled from a larger one.
func (l *ladder) climb(f *astiav.Frame, s stamp, late time.Duration, key bool) error {
	from := f
	defer func() {
		if from != f {
			from.Free()
		}
	}()
	if l.strain.feel(late, time.Now()) {
		l.out.shed(l.strain.String())
	}
	for i, r := range l.rungs {
		scaled, err := r.show(from, s, l.strain.leavesOut(r.rank), key, i+1 < len(l.rungs))
		if err != nil {
			return err
		}
		if scaled == nil {
			continue
		}
		if from != f {
			from.Free()
		}
		from = scaled
	}
	return nil
}

// prepare makes the layers before the first picture, and anew where they follow the
// source's size.
func (l *ladder) prepare(f *astiav.Frame, source *media.Track) error {
	if err := refuseHDR(f); err != nil {
		return err
	}
	size := shapeOf(f)
	if l.rungs != nil && (!l.want.KeepSize || size.width == l.size.width && size.height == l.size.height) {
		return nil
	}
	l.stop()
	l.size = size
	l.key = true
	t := &media.Track{
		ID: source.ID, Codec: media.Codec(l.want.Codec), Form: media.FormAccess, Rate: media.VideoRate,
		Group: source.Group, Language: source.Language, Layers: make([]media.Layer, len(l.want.Layers)),
	}
	for i, layer := range l.want.Layers {
		r, err := l.rung(int8(i), layer, f, l.fps(source, layer))
		if err != nil {
			return err
		}
		l.rungs = append(l.rungs, r)
		t.Layers[i] = r.encoder.layer(layer.Name)
	}
	// Downwards, so that each is scaled from the one before.
	slices.SortStableFunc(l.rungs, func(a, b *rung) int {
		return b.encoder.width*b.encoder.height - a.encoder.width*a.encoder.height
	})
	t.Config = t.Layers[0].Config
	if len(t.Layers) == 1 {
		t.Layers[0].Config = nil
	}
	l.made = t
	if err := l.out.announce(source.ID, t); err != nil {
		return err
	}
	for i, r := range l.rungs {
		r.rank = i
		r.start(l.fail)
		r.in <- t
	}
	return nil
}

func (l *ladder) rung(i int8, want wire.Layer, f *astiav.Frame, fps float64) (*rung, error) {
	width, height := l.size.within(want.Width, want.Height)
	if want.Bitrate == 0 {
		want.Bitrate = usual(width, height, fps)
	}
	e, note, err := openEncoder(coding{
		codec: media.Codec(l.want.Codec), preset: l.want.Preset, width: width, height: height,
		fps: fps, bitrate: want.Bitrate, threads: l.share(width, height, fps),
	}, l.want.HW, f)
	if err != nil {
		return nil, err
	}
	if note != nil {
		l.out.warn("no hardware encodes here, so the processor does", "reason", note.Error())
	}
	return &rung{index: i, layer: want, encoder: e, scaler: newScaler(width, height), pace: pace{fps: want.FPS}, out: l.out}, nil
}

// share is the threads of one encoder. Left to itself, it has one for what one core
// does with ease, since the slices of more threads cost quality.
func (l *ladder) share(width, height int, fps float64) int {
	if l.threads > 0 {
		return max(1, l.threads/len(l.want.Layers))
	}
	const ease = 1920 * 1080 * 40 // pixels a second
	return min(runtime.NumCPU(), 1+int(float64(width*height)*fps/ease))
}

// fps is a layer's frame rate, as far as it is known.
func (l *ladder) fps(source *media.Track, want wire.Layer) float64 {
	fps := source.Layers[largest(source)].FPS
	if fps <= 0 || fps > 240 {
		fps = 30
	}
	if want.FPS > 0 {
		fps = min(fps, want.FPS)
	}
	return fps
}

func (l *ladder) fail(err error) {
	select {
	case l.fault <- err:
	default:
	}
}

// keyframe makes the next picture a key unit, on all layers, so that they stay in
// step.
func (l *ladder) keyframe(int8) { l.key = true }

func (l *ladder) control(c wire.Control) {
	for _, r := range l.rungs {
		if r.index != c.Layer {
			continue
		}
		if c.Bitrate > 0 {
			r.in <- rate(c.Bitrate)
		}
		if c.FPS > 0 {
			r.pace.fps = c.FPS
		}
		if c.Paused != nil {
			r.resume = r.resume || r.paused && !*c.Paused
			r.paused = *c.Paused
		}
	}
}

func (l *ladder) stop() {
	for _, r := range l.rungs {
		r.stop()
	}
	l.rungs = nil
}

// end has all that waits encoded and frees everything.
func (l *ladder) end() error {
	l.stop()
	select {
	case err := <-l.fault:
		return err
	default:
		return nil
	}
}
