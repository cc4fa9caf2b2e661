//go:build libav && cgo

package av

import (
	"runtime"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// rung is one layer: an encoder in a goroutine of its own and what stands before it.
// Its methods are for the goroutine of the lane.
type rung struct {
	index   int8
	rank    int // 0 is the top layer
	layer   wire.Layer
	scaler  *scaler
	encoder *encoder
	pace    pace
	paused  bool
	resume  bool // the next picture is to be a key unit
	out     *outlet

	in   chan any // picture, *media.Track or rate
	done chan struct{}
}

// rate is what the encoder of a rung is to make, in bit/s.
type rate int64

// depth is how many pictures wait for an encoder at most.
const depth = 4

// lag measures how late pictures are: how much older than the freshest one there was.
// Whatever holds them back on purpose before they come here holds all of them back.
type lag struct {
	least time.Duration
	begun bool
}

// of is how late a picture is that arrived then and is decoded now.
func (l *lag) of(arrived, now time.Time) time.Duration {
	if arrived.IsZero() {
		return 0
	}
	age := max(0, now.Sub(arrived))
	if !l.begun || age < l.least {
		l.least, l.begun = age, true
	}
	return age - l.least
}

func (r *rung) start(fail func(error)) {
	r.in, r.done = make(chan any, depth), make(chan struct{})
	go func() {
		defer close(r.done)
		// What an encoder works on stays in the cache of the processor that its thread
		// runs on: a thread of its own saves a twentieth of a mix.
		runtime.LockOSThread()
		e := encoding{encoder: r.encoder, layer: r.index, out: r.out}
		var err error
		for m := range r.in {
			if p, ok := m.(picture); ok && err != nil {
				p.frame.Free()
				continue
			}
			if err = e.handle(m); err != nil {
				fail(err)
			}
		}
		if err == nil {
			if err := r.encoder.encode(nil, 0, false, e.made); err != nil {
				fail(err)
			}
		}
	}()
}

// show scales a picture and has it encoded, unless it is one to be left out. It is the
// scaled picture, which the caller must free, or nil.
func (r *rung) show(f *astiav.Frame, s stamp, leftOut, key, scaled bool) (*astiav.Frame, error) {
	if r.paused && !scaled {
		return nil, nil
	}
	take := r.pace.take(s.pts) || key
	out, err := r.scaler.scale(f)
	if err != nil {
		return nil, err
	}
	if r.paused || !take {
		return out, nil
	}
	if leftOut && !key {
		r.out.dropped.Add(1)
		return out, nil
	}
	ref, err := clone(out)
	if err != nil {
		out.Free()
		return nil, err
	}
	r.in <- picture{frame: ref, stamp: s, key: key || r.resume}
	r.resume = false
	return out, nil
}

// stop has all that waits encoded and frees everything.
func (r *rung) stop() {
	if r.in != nil {
		close(r.in)
		<-r.done
	}
	r.scaler.close()
	r.encoder.close()
}

// encoding is the other side of a rung: what its goroutine has.
type encoding struct {
	encoder *encoder
	layer   int8
	out     *outlet
	track   *media.Track
	ledger  ledger
	tempo   tempo
}

func (e *encoding) handle(m any) error {
	switch m := m.(type) {
	case *media.Track:
		e.track = m
	case rate:
		e.encoder.bitrate = int64(m)
	case picture:
		defer m.frame.Free()
		e.ledger.enter(m.stamp)
		e.tempo.add(m.stamp.pts)
		// The encoder counts pictures and not time.
		e.encoder.allot(e.tempo.correct(e.encoder.bitrate, e.encoder.fps))
		return e.encoder.encode(m.frame, m.stamp.pts, m.key, e.made)
	}
	return nil
}

func (e *encoding) made(c coded) error {
	s := e.ledger.exact(c.pts)
	flags := media.FrameEnd | s.flags&(media.Gap|media.Discontinuity)
	if c.key {
		flags |= media.Key
	}
	return e.out.unit(&media.Unit{
		Track: e.track, Layer: e.layer, PTS: c.pts, DTS: c.pts, Capture: s.capture, Arrived: s.arrived,
		Flags: flags, Access: c.access,
	})
}

// tempo is how fast pictures come, in source time.
type tempo struct {
	from   media.Ticks
	n      int64
	factor float64
}

// add counts a picture. It is measured anew every two seconds.
func (t *tempo) add(pts media.Ticks) {
	const window = 2 * media.Ticks(media.VideoRate)
	if t.n == 0 || pts < t.from {
		t.from, t.n = pts, 1
		return
	}
	if took := pts - t.from; took >= window {
		t.factor = float64(t.n) * float64(media.VideoRate) / float64(took)
		t.from, t.n = pts, 0
	}
	t.n++
}

// correct is the bitrate that an encoder must be told which believes in fps pictures a
// second, so that it makes bitrate.
func (t *tempo) correct(bitrate int64, fps float64) int64 {
	if t.factor == 0 || t.factor > fps*0.95 && t.factor < fps*1.05 {
		return bitrate
	}
	return int64(float64(bitrate) * min(4, max(0.25, fps/t.factor)))
}
