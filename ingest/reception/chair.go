package reception

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
)

// Visitor is a publisher that has been let in.
type Visitor interface {
	comparable
	// Pass is the permission by which it is here; nil for one that needs none.
	Pass() *access.Pass
	// TurnAway closes it because somebody else is heard. It may wait for the network.
	TurnAway()
}

// ErrEnded is why nobody is heard any more once the stage ends.
var ErrEnded = errors.New("the stream has been ended by the server")

// Dismissal is why a publisher is sent away.
type Dismissal struct {
	Message string
	// Refusal is set if its pass has ended.
	Refusal *access.Refusal
}

// Error implements error.
func (d *Dismissal) Error() string { return d.Message }

// Chair is where the publisher sits that is heard, one at a time. The zero Chair is empty
// and ready to use.
type Chair[V Visitor] struct{ taken atomic.Pointer[sitting[V]] }

// sitting is one publisher's time in the chair.
type sitting[V Visitor] struct {
	visitor V
	who     pipeline.Session // but for what changes of it
	sent    func() uint64
	before  uint64 // what had been sent when it came
	meter   Meter
	end     context.CancelCauseFunc
}

// Await waits for a publisher to come from queue, and returns nobody when ctx ends. In an
// instance that a publisher started idle(true) is called when nobody has come for as long as
// grace, and idle(false) when somebody comes after all: nothing else may keep it alive.
func Await[V Visitor](ctx context.Context, queue <-chan V, grace time.Duration, env pipeline.Env, idle func(bool)) (next V) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	limit := timer.C
	if env.When != pipeline.Published {
		limit = nil
	}
	for ctx.Err() == nil { // what being idle ends takes nobody any more
		select {
		case next = <-queue:
			idle(false)
			return next
		case <-limit:
			env.Log.Info("no publisher has come", "waited", grace)
			idle(true)
		case <-ctx.Done():
		}
	}
	return next
}

// Hear seats v, of whom who is what does not change, and calls hear, which is to pass on what
// v says until its context ends; sent is what the stage has passed on in all, in bytes. That
// context ends with ctx, with v's pass, when v is dismissed, and when somebody comes from
// queue who may take its place and is returned as next; others who come are turned away. If
// there is no next, the error is ErrEnded, a *Dismissal, or hear's.
func (c *Chair[V]) Hear(ctx context.Context, v V, who pipeline.Session, sent func() uint64, queue <-chan V,
	hear func(context.Context, *Meter) error,
) (next V, err error) {
	hearing, stop := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		next = heir(hearing, queue, v)
		stop(nil)
	})
	watch.Go(func() {
		if no := v.Pass().Wait(hearing); no != nil {
			stop(&Dismissal{no.Message, no})
		}
	})
	now := &sitting[V]{visitor: v, who: who, sent: sent, before: sent(), end: stop}
	now.who.Since = time.Now()
	if p := v.Pass(); p != nil {
		now.who.Subject = p.Subject
	}
	c.taken.Store(now)
	err = hear(hearing, &now.meter)
	c.taken.Store(nil)
	stop(nil)
	watch.Wait()

	var told *Dismissal
	var nobody V
	switch {
	case next != nobody:
		return next, nil
	case ctx.Err() != nil:
		return next, ErrEnded
	case errors.As(context.Cause(hearing), &told):
		return next, told
	}
	return next, err
}

// heir waits for a publisher that may take v's place, or for the end of ctx. Others are
// turned away.
func heir[V Visitor](ctx context.Context, queue <-chan V, v V) (next V) {
	var leaving sync.WaitGroup
	defer leaving.Wait()
	for {
		select {
		case next := <-queue:
			if v.Pass().Heir(next.Pass()) {
				return next
			}
			leaving.Go(next.TurnAway)
		case <-ctx.Done():
			return next
		}
	}
}

// Now is who is heard, and its session. It says whether there is anybody.
func (c *Chair[V]) Now() (v V, s pipeline.Session, taken bool) {
	now := c.taken.Load()
	if now == nil {
		return v, s, false
	}
	s = now.who
	s.Bytes, s.Bitrate = now.sent()-now.before, now.meter.Late()
	return now.visitor, s, true
}

// Dismiss sends away who is heard, if its session has that ID; see [pipeline.Reception].
func (c *Chair[V]) Dismiss(id, why string) bool {
	now := c.taken.Load()
	if now == nil || now.who.ID != id {
		return false
	}
	now.end(&Dismissal{Message: why})
	return true
}
