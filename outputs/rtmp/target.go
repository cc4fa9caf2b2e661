package rtmp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// dialer publishes at an endpoint.
type dialer func(ctx context.Context, e endpoint) (session, error)

// session is an accepted publish; an *rtmpd.Client is one.
type session interface {
	pen
	Flow() rtmpd.Flow
	Abort(why error)
	Close() error
	Done() <-chan struct{}
}

// target keeps one endpoint supplied.
type target struct {
	endpoint
	dial   dialer
	hold   *hold
	log    *slog.Logger
	status status
	wanted func(running bool) bool // nil: always
	wait   retry
}

// retry is how long to wait after failures in a row: a second, doubled up to 30, with
// jitter; a few minutes if trying is of little use. A refusal may still be about our own
// last session, which the server has not given up yet: it counts from the third on.
type retry struct{ failures, refusals int }

const (
	firstWait   = time.Second
	mostWait    = 30 * time.Second
	refusedWait = 2 * time.Minute
	steady      = 20 * time.Second // a session so long makes the next failure the first
	insist      = 3
)

func (r *retry) after(f *fault, lived time.Duration) time.Duration {
	if lived >= steady {
		*r = retry{}
	}
	wait := min(firstWait<<min(r.failures, 8), mostWait)
	r.failures++
	if f.Permanent {
		if r.refusals++; r.refusals < insist {
			f.Permanent = false
		} else {
			wait = refusedWait
		}
	} else {
		r.refusals = 0
	}
	return wait - time.Duration(rand.Int64N(int64(wait)/4))
}

// errUnwanted ends a stand-by that is not needed any more.
var errUnwanted = errors.New("the primary is back")

// run supplies the endpoint until the stream ends or ctx does.
func (t *target) run(ctx context.Context) {
	defer t.status.enter(Ended)
	for {
		t.status.enter(Idle)
		if t.awaitWanted(ctx) != nil || t.hold.ready(ctx) != nil {
			return
		}
		err, lived := t.once(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, io.EOF) && lived > 0:
			return
		case errors.Is(err, errUnwanted):
			t.wait = retry{}
			continue
		}
		f := faultOf(err)
		wait := t.wait.after(&f, lived)
		t.status.fall(f, wait)
		t.log.Warn("the push is interrupted", "reason", f.Reason, "why", f.Message, "next_try_in", wait.Round(time.Millisecond))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

func (t *target) awaitWanted(ctx context.Context) error {
	for t.wanted != nil && !t.wanted(false) {
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// once is one session. lived is how long it was live; io.EOF with it says that all has
// been sent.
func (t *target) once(ctx context.Context) (err error, lived time.Duration) { //nolint:revive // the error is what one looks at
	t.status.enter(Connecting)
	s, err := t.dial(ctx, t.endpoint)
	if err != nil {
		return err, 0
	}
	began := time.Now()
	t.hold.restart()
	t.status.accepted()
	t.log.Info("the push is live")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		t.watch(ctx, cancel, s)
	}()
	err = t.serve(ctx, s)
	cancel(err)
	<-watched
	t.hold.leave()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	_ = s.Close()
	return err, max(1, time.Since(began))
}

// serve writes what the hold has.
func (t *target) serve(ctx context.Context, s session) error {
	w := writer{pen: s}
	var batch []*media.Unit
	for {
		var err error
		if batch, err = t.hold.take(ctx, batch[:0]); err != nil {
			return err
		}
		for _, u := range batch {
			if err := w.unit(u); err != nil {
				return err
			}
		}
		clear(batch)
		if err := s.Flush(); err != nil {
			return err
		}
	}
}

// watch ends a session in which nothing moves, whose server has ended it, or that is not
// wanted any more.
func (t *target) watch(ctx context.Context, end context.CancelCauseFunc, s session) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	dog, counted, last := newWatchdog(time.Now()), uint64(0), time.Now()
	for {
		select {
		case <-ctx.Done():
			t.status.sent(s.Flow().Sent-counted, max(time.Since(last), watchEvery))
			quit := context.Cause(ctx)
			time.AfterFunc(farewell, func() { s.Abort(quit) }) // a write may hang
			return
		case <-s.Done():
			end(s.Err())
			return
		case now := <-tick.C:
			f := s.Flow()
			if passed := now.Sub(last); passed >= time.Second {
				t.status.sent(f.Sent-counted, passed)
				counted, last = f.Sent, now
			}
			switch quiet := dog.quiet(f, now); {
			case quiet >= givenUpAfter:
				end(errStalled)
				s.Abort(errStalled)
				return
			case quiet >= stalledAfter:
				t.status.enter(Stalled)
			default:
				t.status.enter(Live)
			}
			if t.wanted != nil && !t.wanted(true) {
				end(errUnwanted)
				return
			}
		}
	}
}

// farewell is how long a write may go on after the stage was told to stop.
const farewell = time.Second
