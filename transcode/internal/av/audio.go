//go:build libav && cgo

package av

import (
	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// audio makes one track of sound out of another.
type audio struct {
	*samples
	soundTrack
}

func newAudio(want wire.Audio, out *outlet) *audio {
	a := &audio{soundTrack: soundTrack{want: want, out: out}}
	a.samples = newSamples(out, a)
	a.of = func(pts media.Ticks) stamp { return a.ledger.around(pts, soundRate) }
	return a
}

// open implements soundSink.
func (a *audio) open(f *astiav.Frame, pts media.Ticks) (astiav.SampleFormat, int, error) {
	if a.encoder == nil {
		channels := a.want.Channels
		if channels == 0 {
			channels = min(2, f.ChannelLayout().Channels())
		}
		if err := a.soundTrack.open(a.source, channels, pts); err != nil {
			return 0, 0, err
		}
	}
	return a.encoder.format, a.encoder.layout.Channels(), nil
}

func (a *audio) keyframe(int8) {}

func (a *audio) end(flush bool) error {
	var err error
	if flush {
		if err = a.samples.flush(); err == nil {
			err = a.soundTrack.flush()
		}
	}
	a.samples.close()
	a.soundTrack.close()
	return err
}
