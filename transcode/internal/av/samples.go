//go:build libav && cgo

package av

import (
	"errors"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// longestGap is the longest time that is filled with silence, or cut off, to stay on
// the source's timestamps. Beyond it the output jumps as the source does.
const longestGap = 2 * time.Second

// samples decodes one track of sound and brings it to soundRate, on the source's
// timestamps: what it gives has no gaps but those that are longer than longestGap.
type samples struct {
	out  *outlet
	sink soundSink

	source    *media.Track
	decoder   *decoder
	resampler *resampler
	ledger    ledger      // in ticks of soundRate
	expected  media.Ticks // of soundRate: when the next frame of the source begins
	damage    damage
}

// soundSink takes sound, one sample after the other.
type soundSink interface {
	// open is called before anything else for sound like f, which begins at pts in ticks
	// of soundRate, and says what is wanted. It may be called again.
	open(f *astiav.Frame, pts media.Ticks) (format astiav.SampleFormat, channels int, err error)
	// next is the time of what put puts next.
	next() media.Ticks
	// skip goes on at a later time.
	skip(to media.Ticks) error
	// put takes a frame that is only lent.
	put(f *astiav.Frame) error
}

func newSamples(out *outlet, sink soundSink) *samples {
	return &samples{out: out, sink: sink, damage: damage{out: out, kind: "sound"}}
}

func (a *samples) track(t *media.Track) error {
	if a.source != nil && sameSource(a.source, t) && a.decoder != nil {
		a.source = t
		return nil
	}
	if a.decoder != nil {
		if err := a.decode(nil); err != nil && !errors.Is(err, errDamaged) {
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

func (a *samples) unit(u *media.Unit) error {
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

func (a *samples) decode(u *media.Unit) error {
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
func (a *samples) decoded(f *astiav.Frame, pts media.Ticks) error {
	if f.NbSamples() == 0 || f.SampleRate() <= 0 {
		return nil
	}
	if err := a.prepare(f, pts); err != nil {
		return err
	}
	a.expected = pts + media.Rescale(media.Ticks(f.NbSamples()), media.Rate(f.SampleRate()), soundRate)
	return a.resampler.resample(f, pts, a.sink.put)
}

// prepare makes that there is a resampler that takes f at pts.
func (a *samples) prepare(f *astiav.Frame, pts media.Ticks) error {
	format, channels, err := a.sink.open(f, pts)
	if err != nil {
		return err
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
	if far(pts - a.sink.next()) {
		if err := a.sink.skip(max(pts, a.sink.next())); err != nil {
			return err
		}
	}
	a.resampler, err = newResampler(f, format, channels, a.sink.next())
	return err
}

func far(t media.Ticks) bool {
	limit := soundRate.Ticks(longestGap)
	return t > limit || t < -limit
}

func (a *samples) endResampler() error {
	err := a.resampler.resample(nil, 0, a.sink.put)
	a.resampler.close()
	a.resampler = nil
	return err
}

// flush gives what is left. Only close may follow.
func (a *samples) flush() error {
	if a.decoder == nil {
		return nil
	}
	if err := a.decode(nil); err != nil && !errors.Is(err, errDamaged) {
		return err
	}
	if a.resampler == nil {
		return nil
	}
	return a.endResampler()
}

func (a *samples) close() {
	if a.decoder != nil {
		a.decoder.close()
	}
	if a.resampler != nil {
		a.resampler.close()
	}
}
