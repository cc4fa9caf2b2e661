//go:build libav && cgo

package av

// #include "sound.h"
import "C"

import (
	"math"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/internal/bus"
	"weir/transcode/wire"
)

const (
	// blockSize is how many samples are mixed at once: 20 ms.
	blockSize = 960
	// levelsEvery is how many blocks there are between two Levels.
	levelsEvery = 5
)

// mixdown is the track of sound that a mix makes.
type mixdown struct {
	soundTrack
	mixer   *mixer
	limiter bus.Limiter

	sum, block [blockSize * bus.Channels]float32
	frame      *astiav.Frame
	ends       int64 // number of the block that ends where the next one begins
	newest     stamp // of the sound that came last
}

func newMixdown(m *mixer) *mixdown {
	d := &mixdown{mixer: m, frame: astiav.AllocFrame(), soundTrack: soundTrack{want: *m.job.Audio, out: m.out}}
	d.of = d.known
	return d
}

func (d *mixdown) kind() media.Kind { return media.KindAudio }

// at is the end of block number n.
func (d *mixdown) at(n int64) time.Duration { return soundRate.Duration(media.Ticks(n * blockSize)) }

// compose mixes block number n.
func (d *mixdown) compose(n int64, wishes []wire.Message) error {
	for _, w := range wishes {
		if c, ok := w.(wire.Control); ok {
			d.control(c)
		}
	}
	voices := d.mixer.heard()
	from := media.Ticks((n - 1) * blockSize)
	d.add(voices, from)
	d.limiter.Limit(d.sum[:])
	if err := d.play(n, from-bus.Delay); err != nil {
		return err
	}
	if n%levelsEvery != 0 {
		return nil
	}
	return d.out.message(levels(voices))
}

// add sums what is heard from a time on.
func (d *mixdown) add(voices []*voice, from media.Ticks) {
	set := d.mixer.scenery.now.Load()
	clear(d.sum[:])
	for _, v := range voices {
		if s := v.read(d.block[:], from); s.pts > d.newest.pts {
			d.newest = s
		}
		v.strip.Fade(set.gain(v.id))
		v.strip.Add(d.sum[:], d.block[:])
	}
}

// play encodes the sum of block number n, which begins at a time.
func (d *mixdown) play(n int64, from media.Ticks) error {
	switch {
	case d.encoder == nil:
		if err := d.begin(from); err != nil {
			return err
		}
	case d.ends != n-1:
		if err := d.skip(from); err != nil {
			return err
		}
	}
	d.ends = n
	if err := d.frame.MakeWritable(); err != nil {
		return err
	}
	C.weir_write(d.frame.UnsafePointer(), (*C.float)(&d.sum[0]))
	return d.put(d.frame)
}

func (d *mixdown) begin(from media.Ticks) error {
	channels := d.want.Channels
	if channels == 0 {
		channels = bus.Channels
	}
	if err := d.open(&media.Track{ID: mixedSound}, channels, from); err != nil {
		return err
	}
	d.frame.SetSampleFormat(d.encoder.format)
	d.frame.SetChannelLayout(d.encoder.layout)
	d.frame.SetSampleRate(int(soundRate))
	d.frame.SetNbSamples(blockSize)
	return d.frame.AllocBuffer(0)
}

// known is what is known of the mix at a time.
func (d *mixdown) known(pts media.Ticks) stamp {
	s := d.newest
	if !s.capture.IsZero() {
		s.capture = s.capture.Add(soundRate.Duration(pts - s.pts))
	}
	return s
}

func levels(voices []*voice) wire.Levels {
	l := wire.Levels{Of: make(map[media.TrackID]float64, len(voices))}
	for _, v := range voices {
		level, clipped := v.strip.Level()
		l.Of[v.id] = math.Round(10*level) / 10
		if clipped > 0 {
			if l.Clipped == nil {
				l.Clipped = make(map[media.TrackID]float64)
			}
			l.Clipped[v.id] = clipped
		}
	}
	return l
}

func (d *mixdown) end(flush bool) error {
	var err error
	if flush {
		err = d.flush()
	}
	d.close()
	d.frame.Free()
	return err
}
