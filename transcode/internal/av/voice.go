//go:build libav && cgo

package av

// #include "sound.h"
import "C"

import (
	"sync"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/internal/bus"
	"weir/transcode/wire"
)

// voice is a track of sound on its way into a mix: a lane decodes it, and the mixdown
// takes what is to be heard.
type voice struct {
	*samples
	id    media.TrackID
	clock *clock
	strip bus.Strip // the mixdown's own

	mu      sync.Mutex // guards what is below
	waiting []passage
	upto    media.Ticks // of soundRate: where what is waiting ends
	begun   bool
	left    bool
	newest  stamp // of what came last
}

// passage is sound from a time on, in ticks of soundRate.
type passage struct {
	at    media.Ticks
	sound []float32
}

func (p passage) end() media.Ticks { return p.at + media.Ticks(len(p.sound)/bus.Channels) }

func newVoice(out *outlet, id media.TrackID, c *clock, normalize bool) *voice {
	v := &voice{id: id, clock: c, strip: bus.Strip{Normalize: normalize}}
	v.samples = newSamples(out, v)
	return v
}

func (v *voice) unit(u *media.Unit) error {
	defer v.clock.settle(v.id)
	return v.samples.unit(u)
}

// open implements soundSink.
func (v *voice) open(_ *astiav.Frame, pts media.Ticks) (astiav.SampleFormat, int, error) {
	if !v.begun {
		v.upto, v.begun = pts, true
	}
	return astiav.SampleFormatFlt, bus.Channels, nil
}

// next implements soundSink.
func (v *voice) next() media.Ticks { return v.upto }

// skip implements soundSink.
func (v *voice) skip(to media.Ticks) error {
	v.upto = to
	return nil
}

// put implements soundSink.
func (v *voice) put(f *astiav.Frame) error {
	n := f.NbSamples()
	if n == 0 {
		return nil
	}
	p := passage{at: v.upto, sound: make([]float32, n*bus.Channels)}
	C.weir_read(f.UnsafePointer(), (*C.float)(&p.sound[0]))
	v.upto = p.end()
	at := soundRate.Duration(p.end())
	if v.keep(p, at, v.ledger.around(p.at, soundRate)) {
		v.clock.hold(media.KindAudio, at)
	}
	return nil
}

// keep is false if the sound's time cannot be. The mixdown, which the clock may let go
// on at once, finds the sound there.
func (v *voice) keep(p passage, at time.Duration, s stamp) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.clock.reach(v.id, at) {
		return false
	}
	v.waiting, v.newest = append(v.waiting, p), s
	return true
}

// read fills block with the sound from a time on, and silence where there is none, and
// forgets all up to there. It is for the mixdown.
func (v *voice) read(block []float32, from media.Ticks) (newest stamp) {
	clear(block)
	to := from + media.Ticks(len(block)/bus.Channels)
	v.mu.Lock()
	defer v.mu.Unlock()
	done := 0
	for _, p := range v.waiting {
		if first, last := max(from, p.at), min(to, p.end()); first < last {
			copy(block[(first-from)*bus.Channels:], p.sound[(first-p.at)*bus.Channels:(last-p.at)*bus.Channels])
		}
		if p.end() > to {
			break
		}
		done++
	}
	clear(v.waiting[:done])
	v.waiting = v.waiting[done:]
	return v.newest
}

// leave says that nothing more comes.
func (v *voice) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.left = true
}

// over says whether all has been heard, and nothing more comes.
func (v *voice) over() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.left && len(v.waiting) == 0
}

func (v *voice) keyframe(int8) {}

func (v *voice) control(wire.Control) {}

func (v *voice) end(flush bool) error {
	var err error
	if flush {
		err = v.flush()
	}
	v.close()
	return err
}
