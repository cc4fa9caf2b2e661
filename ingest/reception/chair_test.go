package reception

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
)

// visitor is one whose pass has a subject, or none.
type visitor struct {
	pass   *access.Pass
	turned bool
}

func (v *visitor) Pass() *access.Pass { return v.pass }
func (v *visitor) TurnAway()          { v.turned = true }

func with(subject string) *visitor { return &visitor{pass: &access.Pass{Subject: subject}} }

// hearing is a Chair in which somebody is heard.
type hearing struct {
	chair Chair[*visitor]
	queue chan *visitor
	over  chan struct{}
	next  *visitor
	err   error
}

// hear returns once v is heard, until that context ends or with what leave gives.
func hear(ctx context.Context, v *visitor, leave <-chan error) *hearing {
	h := &hearing{queue: make(chan *visitor), over: make(chan struct{})}
	go func() {
		defer close(h.over)
		h.next, h.err = h.chair.Hear(ctx, v, pipeline.Session{ID: "one"}, func() uint64 { return 0 }, h.queue, func(ctx context.Context, _ *Meter) error {
			select {
			case err := <-leave:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	synctest.Wait()
	return h
}

func TestChair(t *testing.T) {
	ended := func(what string) func(*testing.T, *hearing) {
		return func(t *testing.T, h *hearing) {
			var sent *Dismissal
			if !errors.As(h.err, &sent) || sent.Message != what || h.next != nil {
				t.Errorf("%v, then %v, not %q", h.err, h.next, what)
			}
		}
	}
	for name, c := range map[string]struct {
		v     *visitor
		does  func(t *testing.T, h *hearing, end func(), leave chan<- error)
		after func(*testing.T, *hearing)
	}{
		"leaves": {with("ann"), func(_ *testing.T, _ *hearing, _ func(), leave chan<- error) { leave <- io.EOF }, func(t *testing.T, h *hearing) {
			if !errors.Is(h.err, io.EOF) || h.next != nil {
				t.Errorf("%v, then %v", h.err, h.next)
			}
		}},
		"the stage ends": {with("ann"), func(_ *testing.T, _ *hearing, end func(), _ chan<- error) { end() }, func(t *testing.T, h *hearing) {
			if !errors.Is(h.err, ErrEnded) {
				t.Error(h.err)
			}
		}},
		"another one of the same permission": {with("ann"), func(_ *testing.T, h *hearing, _ func(), _ chan<- error) { h.queue <- with("ann") }, func(t *testing.T, h *hearing) {
			if h.err != nil || h.next == nil {
				t.Errorf("%v, then %v", h.err, h.next)
			}
		}},
		"one of another permission": {with("ann"), func(t *testing.T, h *hearing, end func(), _ chan<- error) {
			other := with("bob")
			h.queue <- other
			synctest.Wait()
			if _, _, taken := h.chair.Now(); !other.turned || !taken {
				t.Errorf("turned away: %v, somebody is heard: %v", other.turned, taken)
			}
			end()
		}, func(*testing.T, *hearing) {}},
		"dismissed": {&visitor{}, func(t *testing.T, h *hearing, _ func(), _ chan<- error) {
			if h.chair.Dismiss("two", "no") || !h.chair.Dismiss("one", "Enough.") {
				t.Error("not the one who was meant")
			}
		}, ended("Enough.")},
		"the pass expires": {
			&visitor{pass: &access.Pass{Expires: time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC)}}, // a bubble begins in 2000
			func(*testing.T, *hearing, func(), chan<- error) { time.Sleep(time.Minute) }, ended("The permission has expired."),
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				leave := make(chan error)
				h := hear(ctx, c.v, leave)
				v, s, taken := h.chair.Now()
				if !taken || v != c.v || s.ID != "one" || !s.Since.Equal(time.Now()) || c.v.pass != nil && s.Subject != c.v.pass.Subject {
					t.Errorf("%v, %+v, %v", v, s, taken)
				}
				c.does(t, h, cancel, leave)
				<-h.over
				c.after(t, h)
				if _, _, taken := h.chair.Now(); taken || h.chair.Dismiss("one", "again") {
					t.Error("somebody sits there still")
				}
			})
		})
	}
}

func TestChurn(t *testing.T) {
	var c Churn
	at := time.Unix(1_700_000_000, 0)
	var got []bool
	for range churnMost + 1 {
		got = append(got, c.Allow(at))
	}
	if slices.Contains(got[:churnMost], false) || got[churnMost] || !c.Allow(at.Add(churnWindow+1)) {
		t.Errorf("%v", got)
	}
}
