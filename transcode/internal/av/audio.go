//go:build libav && cgo

package av

import (
	"errors"
	"strconv"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// longestGap is the longest time that is filled with silence, or cut off, to stay on
// the source's timestamps. Beyond it the output jumps as the source does.
const longestGap = 2 * time.Second

// audio makes one track of sound out of another.
type audio struct {
	want wire.Audio
	out  *outlet

	source    *media.Track
	decoder   *decoder
	resampler *resampler
	encoder   *soundEncoder
	made      *media.Track
	ledger    ledger      // in ticks of soundRate
	expected  media.Ticks // of soundRate: when the next frame of the source begins
	last      media.Ticks // PTS of the last unit that was made
	begun     bool
	damage    damage
}

func newAudio(want wire.Audio, out *outlet) *audio {
	return &audio{want: want, out: out, damage: damage{out: out, kind: "sound"}}
}

func (a *audio) track(t *media.Track) error {
	if a.source != nil && sameSource(a.source, t) && a.decoder != nil {
		a.source = t
		return nil
	}
	if a.decoder != nil {
		if err := a.decode(nil); err != nil {
			return err
		}
		a.decoder.close()
		a.decoder = nil
	}
	a.source = t
	var err error
	if a.decoder, err = newDecoder(t, 0, 1); errors.Is(err, errDamaged) {
		a.damage.count(err)
		return nil
	}
	return err
}

// sameSource says whether a decoder of one track is good for the other.
func sameSource(a, b *media.Track) bool {
	return a.Codec == b.Codec && a.Rate == b.Rate && string(a.Config) == string(b.Config)
}

func (a *audio) unit(u *media.Unit) error {
	if a.decoder == nil {
		return nil
	}
	s := stampOf(u)
	s.pts = media.Rescale(u.PTS, u.Track.Rate, soundRate)
	a.ledger.enter(s)
	err := a.decode(u)
	if errors.Is(err, errDamaged) {
		a.damage.count(err)
		return nil
	}
	return err
}

func (a *audio) decode(u *media.Unit) error {
	return a.decoder.decode(u, func(f *astiav.Frame, _ bool) error {
		a.out.framesIn.Add(1)
		pts := media.Rescale(media.Ticks(f.Pts()), a.source.Rate, soundRate)
		if a.ledger.exact(pts).flags.Has(wire.Preroll) {
			return nil
		}
		return a.decoded(f, pts)
	})
}

// decoded passes on a frame of the source that begins at pts.
func (a *audio) decoded(f *astiav.Frame, pts media.Ticks) error {
	if f.NbSamples() == 0 || f.SampleRate() <= 0 {
		return nil
	}
	if err := a.prepare(f, pts); err != nil {
		return err
	}
	a.expected = pts + media.Rescale(media.Ticks(f.NbSamples()), media.Rate(f.SampleRate()), soundRate)
	return a.resampler.resample(f, pts, a.resampled)
}

// prepare makes that there is an encoder, and a resampler that takes f at pts.
func (a *audio) prepare(f *astiav.Frame, pts media.Ticks) error {
	if a.encoder == nil {
		if err := a.openEncoder(f, pts); err != nil {
			return err
		}
	}
	jump := a.resampler != nil && far(pts-a.expected)
	if a.resampler != nil && (jump || soundOf(f) != a.resampler.from) {
		if err := a.endResampler(); err != nil {
			return err
		}
	}
	if a.resampler != nil {
		return nil
	}
	if far(pts - a.encoder.end()) {
		if err := a.encoder.restart(max(pts, a.encoder.end()), a.encoded); err != nil {
			return err
		}
	}
	var err error
	a.resampler, err = newResampler(f, a.encoder.format, a.encoder.layout.Channels(), a.encoder.end())
	return err
}

func far(t media.Ticks) bool {
	limit := soundRate.Ticks(longestGap)
	return t > limit || t < -limit
}

func (a *audio) openEncoder(f *astiav.Frame, pts media.Ticks) error {
	channels := a.want.Channels
	if channels == 0 {
		channels = min(2, f.ChannelLayout().Channels())
	}
	var err error
	if a.encoder, err = newSoundEncoder(a.want, channels, pts); err != nil {
		return err
	}
	if a.made, err = a.encoder.track(a.source); err != nil {
		return err
	}
	if a.last = -1; pts < 0 {
		a.last = pts - a.encoder.padding - 1
	}
	return a.out.announce(a.source.ID, a.made)
}

func (a *audio) endResampler() error {
	err := a.resampler.resample(nil, 0, a.resampled)
	a.resampler.close()
	a.resampler = nil
	return err
}

func (a *audio) resampled(f *astiav.Frame) error { return a.encoder.encode(f, a.encoded) }

// encoded sends a coded frame. Those before the beginning of time hold nothing but the
// encoder's own delay.
func (a *audio) encoded(data []byte, pts media.Ticks) error {
	if pts <= a.last {
		return nil
	}
	s := a.ledger.around(pts, soundRate)
	flags := media.Key | media.FrameEnd
	if a.begun && pts-a.last != media.Ticks(a.encoder.size) {
		flags |= media.Gap
	}
	a.last, a.begun = pts, true
	return a.out.unit(&media.Unit{
		Track: a.made, PTS: pts, DTS: pts, Capture: s.capture, Arrived: s.arrived,
		Flags: flags, Access: [][]byte{data},
	})
}

func (a *audio) keyframe(int8) {}

func (a *audio) control(c wire.Control) {
	if a.encoder != nil && c.Bitrate > 0 {
		a.encoder.ctx.SetBitRate(c.Bitrate)
	}
}

func (a *audio) end(flush bool) error {
	var err error
	if flush {
		err = a.flush()
	}
	if a.decoder != nil {
		a.decoder.close()
	}
	if a.resampler != nil {
		a.resampler.close()
	}
	if a.encoder != nil {
		a.encoder.close()
	}
	return err
}

func (a *audio) flush() error {
	if a.decoder == nil || a.encoder == nil {
		return nil
	}
	if err := a.decode(nil); err != nil && !errors.Is(err, errDamaged) {
		return err
	}
	if a.resampler != nil {
		if err := a.endResampler(); err != nil {
			return err
		}
	}
	return a.encoder.flush(a.encoded)
}

// damage counts what could not be decoded and says so once in a while.
type damage struct {
	out    *outlet
	kind   string
	n      int
	spoken time.Time
}

func (d *damage) count(err error) {
	d.out.damaged.Add(1)
	d.n++
	if now := time.Now(); now.Sub(d.spoken) >= 5*time.Second {
		d.out.warn("the source has "+d.kind+" that cannot be decoded", "count", strconv.Itoa(d.n), "error", err.Error())
		d.spoken, d.n = now, 0
	}
}
