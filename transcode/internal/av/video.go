//go:build libav && cgo

package av

import (
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// video makes one track of pictures, of one layer or several, out of another.
type video struct {
	want    wire.Video
	threads int
	out     *outlet
	index   uint16 // of the source's track
	fault   chan error

	source  *media.Track
	layer   int8 // of the source
	decoder *decoder
	weaver  *deinterlacer // once a picture was interlaced
	ledger  ledger
	rungs   []*rung
	made    *media.Track
	size    shape // of the source, when the rungs were made

	progress
	hiding hiding
	damage damage
	lag    lag
}

// progress is how far a track of pictures has come.
type progress struct {
	last     *astiav.Frame // the last good picture
	decoded  media.Ticks   // of the last picture that the decoder gave, once there was one
	decoding bool
	shown    media.Ticks // of the last picture that was encoded, or repeated
	begun    bool
	period   int64       // number of the period between key units that shown is in
	key      bool        // the next picture is to be a key unit
	gap      media.Flags // of the next picture
}

func newVideo(job wire.Job, out *outlet, index uint16) *video {
	return &video{
		want: *job.Video, threads: job.Threads, out: out, index: index, fault: make(chan error, 1),
		damage: damage{out: out, kind: "pictures"}, hiding: hiding{on: true},
	}
}

func (v *video) track(t *media.Track) error {
	layer := largest(t)
	if v.decoder != nil && sameSource(v.source, t) && string(v.source.LayerConfig(v.layer)) == string(t.LayerConfig(layer)) {
		v.source, v.layer = t, layer
		return nil
	}
	if v.decoder != nil {
		if err := v.decode(nil); err != nil && !errors.Is(err, errDamaged) {
			return err
		}
		if err := v.endWeaver(); err != nil {
			return err
		}
		v.decoder.close()
		v.decoder = nil
	}
	v.source, v.layer = t, layer
	v.hide(v.shown)
	var err error
	if v.decoder, err = newDecoder(t, layer, decoderThreads(t.Layers[layer])); errors.Is(err, errDamaged) {
		v.damage.count(err)
		return nil
	}
	return err
}

// decoderThreads is how many threads decode a layer. Each beyond the first delays by a
// picture.
func decoderThreads(l media.Layer) int {
	const ease = 1920 * 1080 * 100 // pixels a second
	return min(4, runtime.NumCPU(), 1+int(float64(l.Width*l.Height)*max(30, l.FPS)/ease))
}

// largest is the layer of a source that all is made of.
func largest(t *media.Track) int8 {
	best := 0
	for i, l := range t.Layers {
		if l.Width*l.Height > t.Layers[best].Width*t.Layers[best].Height {
			best = i
		}
	}
	return int8(best)
}

func (v *video) unit(u *media.Unit) error {
	if v.decoder == nil || u.Layer != v.layer {
		return nil
	}
	select {
	case err := <-v.fault:
		return err
	default:
	}
	v.gap |= u.Flags & media.Discontinuity
	if u.Flags.Has(media.Gap) && !u.Flags.Has(media.Key) {
		v.hide(u.PTS)
	}
	if u.Flags.Has(media.Key) {
		v.hiding.until, v.hiding.key = u.PTS, true
	} else if v.hiding.on && !v.hiding.key {
		v.ask()
		if v.last == nil {
			return nil // nothing can be decoded yet
		}
	}
	v.ledger.enter(stampOf(u))
	err := v.decode(u)
	if errors.Is(err, errDamaged) {
		v.damage.count(err)
		v.hide(u.PTS)
		return v.repeat(stampOf(u))
	}
	return err
}

func (v *video) decode(u *media.Unit) error {
	return v.decoder.decode(u, func(f *astiav.Frame, clean bool) error {
		v.out.framesIn.Add(1)
		s := v.ledger.exact(media.Ticks(f.Pts()))
		if err := v.missed(s.pts); err != nil {
			return err
		}
		if !clean && !v.hiding.on {
			v.damage.count(errDamaged)
			v.hide(s.pts)
		}
		if v.hiding.on && clean && v.hiding.key && s.pts >= v.hiding.until ||
			v.last != nil && s.pts-v.hiding.since > patience {
			v.hiding.on = false
		}
		if v.hiding.on {
			return v.repeat(s)
		}
		if err := v.keep(f); err != nil || s.flags.Has(wire.Preroll) {
			return err
		}
		return v.whole(f, s)
	})
}

// whole shows a good picture, deinterlaced if it has to be.
func (v *video) whole(f *astiav.Frame, s stamp) error {
	if v.weaver != nil && shapeOf(f) != v.weaver.from {
		if err := v.endWeaver(); err != nil {
			return err
		}
	}
	if v.weaver == nil {
		if !f.Flags().Has(astiav.FrameFlagInterlaced) {
			return v.show(f, s)
		}
		var err error
		if v.weaver, err = newDeinterlacer(f); err != nil {
			return err
		}
	}
	return v.weaver.put(f, v.woven)
}

func (v *video) woven(f *astiav.Frame) error {
	return v.show(f, v.ledger.exact(media.Ticks(f.Pts())))
}

// endWeaver shows what is left in the deinterlacer and closes it.
func (v *video) endWeaver() error {
	if v.weaver == nil {
		return nil
	}
	err := v.weaver.put(nil, v.woven)
	v.weaver.close()
	v.weaver = nil
	return err
}

// show has a picture encoded in all layers.
func (v *video) show(f *astiav.Frame, s stamp) error {
	if v.begun && s.pts <= v.shown {
		return nil
	}
	if err := v.prepare(f); err != nil {
		return err
	}
	key := v.keyDue(s)
	s.flags = v.gap
	v.gap = 0
	v.shown, v.begun = s.pts, true
	return v.climb(f, s, key)
}

// keyDue says whether the picture is to be a key unit on all layers.
func (v *video) keyDue(s stamp) bool {
	due := v.key || !v.begun
	v.key = false
	if v.want.KeyframeEveryMillis == 0 {
		return due || s.flags.Has(media.Key)
	}
	period := floorDiv(int64(s.pts)*1000, v.want.KeyframeEveryMillis*int64(media.VideoRate))
	due = due || period != v.period
	v.period = period
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
func (v *video) climb(f *astiav.Frame, s stamp, key bool) error {
	from := f
	defer func() {
		if from != f {
			from.Free()
		}
	}()
	late := v.lag.of(s.arrived, time.Now())
	for i, r := range v.rungs {
		scaled, err := r.show(from, s, late, key, i+1 < len(v.rungs))
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
func (v *video) prepare(f *astiav.Frame) error {
	size := shapeOf(f)
	if v.rungs != nil && (!v.want.KeepSize || size.width == v.size.width && size.height == v.size.height) {
		return nil
	}
	v.stop()
	v.size = size
	v.begun = false // the first picture is a key unit
	t := &media.Track{
		ID: v.source.ID, Codec: media.Codec(v.want.Codec), Form: media.FormAccess, Rate: media.VideoRate,
		Group: v.source.Group, Language: v.source.Language, Layers: make([]media.Layer, len(v.want.Layers)),
	}
	for i, l := range v.want.Layers {
		r, err := v.rung(int8(i), l, f)
		if err != nil {
			return err
		}
		v.rungs = append(v.rungs, r)
		t.Layers[i] = r.encoder.layer(l.Name)
	}
	// Downwards, so that each is scaled from the one before.
	slices.SortStableFunc(v.rungs, func(a, b *rung) int {
		return b.encoder.width*b.encoder.height - a.encoder.width*a.encoder.height
	})
	t.Config = t.Layers[0].Config
	if len(t.Layers) == 1 {
		t.Layers[0].Config = nil
	}
	v.made = t
	if err := v.out.announce(v.source.ID, t); err != nil {
		return err
	}
	for i, r := range v.rungs {
		r.rank = i
		r.start(v.fail)
		r.in <- t
	}
	return nil
}

func (v *video) rung(i int8, l wire.Layer, f *astiav.Frame) (*rung, error) {
	width, height := v.size.within(l.Width, l.Height)
	fps := v.fps(l)
	if l.Bitrate == 0 {
		l.Bitrate = usual(width, height, fps)
	}
	e, note, err := openEncoder(coding{
		codec: media.Codec(v.want.Codec), preset: v.want.Preset, width: width, height: height,
		fps: fps, bitrate: l.Bitrate, threads: v.share(width, height, fps),
	}, v.want.HW, f)
	if err != nil {
		return nil, err
	}
	if note != nil {
		v.out.warn("no hardware encodes here, so the processor does", "reason", note.Error())
	}
	return &rung{index: i, layer: l, encoder: e, scaler: newScaler(width, height), pace: pace{fps: l.FPS}, out: v.out}, nil
}

// share is the threads of one encoder. Left to itself, it has one for what one core
// does with ease, since the slices of more threads cost quality.
func (v *video) share(width, height int, fps float64) int {
	if v.threads > 0 {
		return max(1, v.threads/len(v.want.Layers))
	}
	const ease = 1920 * 1080 * 40 // pixels a second
	return min(runtime.NumCPU(), 1+int(float64(width*height)*fps/ease))
}

// fps is a layer's frame rate, as far as it is known.
func (v *video) fps(l wire.Layer) float64 {
	fps := v.source.Layers[v.layer].FPS
	if fps <= 0 || fps > 240 {
		fps = 30
	}
	if l.FPS > 0 {
		fps = min(fps, l.FPS)
	}
	return fps
}

func (v *video) fail(err error) {
	select {
	case v.fault <- err:
	default:
	}
}

// keyframe makes the next picture a key unit, on all layers, so that they stay in
// step.
func (v *video) keyframe(int8) { v.key = true }

func (v *video) control(c wire.Control) {
	for _, r := range v.rungs {
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

func (v *video) stop() {
	for _, r := range v.rungs {
		r.stop()
	}
	v.rungs = nil
}

func (v *video) end(flush bool) error {
	var err error
	if flush && v.decoder != nil {
		if err = v.decode(nil); errors.Is(err, errDamaged) {
			err = nil
		}
		err = errors.Join(err, v.endWeaver())
	}
	v.stop()
	if v.weaver != nil {
		v.weaver.close()
	}
	if v.decoder != nil {
		v.decoder.close()
	}
	if v.last != nil {
		v.last.Free()
	}
	select {
	case fault := <-v.fault:
		err = errors.Join(err, fault)
	default:
	}
	return err
}
