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

// in runs f in a bubble in which v is heard, and gives what became of it.
func in(t *testing.T, v *visitor, f func(h *hearing, end func(), leave chan<- error)) *hearing {
	t.Helper()
	var h *hearing
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		leave := make(chan error)
		h = hear(ctx, v, leave)
		who, s, taken := h.chair.Now()
		if !taken || who != v || s.ID != "one" || !s.Since.Equal(time.Now()) || v.pass != nil && s.Subject != v.pass.Subject {
			t.Errorf("%v, %+v, %v", who, s, taken)
		}
		f(h, cancel, leave)
		<-h.over
		if _, _, taken := h.chair.Now(); taken || h.chair.Dismiss("one", "again") {
			t.Error("somebody sits there still")
		}
	})
	return h
}

func TestPublisherLeaves(t *testing.T) {
	h := in(t, with("ann"), func(_ *hearing, _ func(), leave chan<- error) { leave <- io.EOF })
	if !errors.Is(h.err, io.EOF) || h.next != nil {
		t.Errorf("%v, then %v", h.err, h.next)
	}
}

func TestStageEnds(t *testing.T) {
	h := in(t, with("ann"), func(_ *hearing, end func(), _ chan<- error) { end() })
	if !errors.Is(h.err, ErrEnded) || h.next != nil {
		t.Errorf("%v, then %v", h.err, h.next)
	}
}

// Who comes by the same permission takes over, others are turned away.
func TestTakeover(t *testing.T) {
	bob, ann := with("bob"), with("ann")
	h := in(t, with("ann"), func(h *hearing, _ func(), _ chan<- error) {
		h.queue <- bob
		synctest.Wait()
		h.queue <- ann
	})
	if h.err != nil || h.next != ann || !bob.turned || ann.turned {
		t.Errorf("%v, then %v; turned away: %v, %v", h.err, h.next, bob.turned, ann.turned)
	}
}

func TestSentAway(t *testing.T) {
	for name, c := range map[string]struct {
		v    *visitor
		does func(h *hearing, end func(), leave chan<- error)
		why  Dismissal
	}{
		"dismissed": {&visitor{}, func(h *hearing, _ func(), _ chan<- error) {
			_ = h.chair.Dismiss("two", "no") || h.chair.Dismiss("one", "Enough.")
		}, Dismissal{Message: "Enough."}},
		"the pass expires": {
			&visitor{pass: &access.Pass{Expires: time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC)}}, // a bubble begins in 2000
			func(*hearing, func(), chan<- error) {},
			Dismissal{"The permission has expired.", access.Refuse(access.Expired, "The permission has expired.")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := in(t, c.v, c.does)
			var sent *Dismissal
			if !errors.As(h.err, &sent) || sent.Message != c.why.Message || (sent.Refusal == nil) != (c.why.Refusal == nil) || h.next != nil {
				t.Errorf("%v, then %v", h.err, h.next)
			}
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
