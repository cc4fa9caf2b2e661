//go:build libav && cgo

package av

import (
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// processor makes of one track what the job asks for. It is for one goroutine. An
// error ends the job.
type processor interface {
	// track says what the units that follow are of.
	track(t *media.Track) error
	unit(u *media.Unit) error
	// keyframe wishes a key unit of a layer, control changes one.
	keyframe(layer int8)
	control(c wire.Control)
	// end gives out what is left, if flush, and frees everything.
	end(flush bool) error
}

// lane runs a processor in a goroutine of its own.
type lane struct {
	queue *queue
	done  chan struct{}
}

// retrack is the message that a lane's track has changed. It is not on the wire.
type retrack struct {
	wire.Message
	track *media.Track
}

func startLane(p processor, fail func(error)) *lane {
	l := &lane{queue: newQueue(), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.run(p, fail)
	}()
	return l
}

func (l *lane) run(p processor, fail func(error)) {
	for {
		var err error
		switch m := l.queue.take().(type) {
		case retrack:
			err = p.track(m.track)
		case wire.Unit:
			err = p.unit(m.Unit)
		case wire.Keyframe:
			p.keyframe(m.Layer)
		case wire.Control:
			p.control(m)
		case wire.End:
			if err := p.end(true); err != nil {
				fail(err)
			}
			return
		default:
			_ = p.end(false)
			return
		}
		if err != nil {
			l.queue.close()
			fail(err)
		}
	}
}

// finish lets the lane do what waits, then end.
func (l *lane) finish() {
	l.queue.put(wire.End{})
	<-l.done
}

// abort ends the lane at once.
func (l *lane) abort() {
	l.queue.close()
	<-l.done
}
