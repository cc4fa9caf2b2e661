package pipeline

import (
	"context"
	"errors"
	"time"
)

func (n *node) awaitOpen(consumers []<-chan struct{}) {
	deadline := time.NewTimer(openPatience)
	defer deadline.Stop()
	for _, opened := range consumers {
		select {
		case <-opened:
		case <-deadline.C:
			return
		}
	}
}

// supervise runs stages until the node's work is done: soft is cancelled when the
// graph shall drain, hard when it has had the time to.
func (n *node) supervise(soft, hard context.Context) {
	defer n.finish()
	var b backoff
	for n.awaitWanted(soft) {
		began := time.Now()
		err := n.runOnce(soft, hard)
		switch next := n.after(soft, hard, err); next {
		case goOn:
			b = backoff{}
			continue
		case over:
			return
		case failed:
			if !n.recover(soft, &b, time.Since(began)) {
				return
			}
		}
	}
}

// outcome is what the end of a run means for the node.
type outcome uint8

const (
	goOn   outcome = iota // the next run follows at once
	over                  // the node's work is done
	failed                // the restart policy decides
)

// after judges the end of a run.
func (n *node) after(soft, hard context.Context, err error) outcome {
	n.mu.Lock()
	defer n.mu.Unlock()
	again := n.again
	n.again = false
	if err != nil && hard.Err() == nil && !errors.Is(err, context.Canceled) {
		n.fail(err)
	}
	switch {
	case n.leaving || hard.Err() != nil || soft.Err() != nil:
		return over
	case again:
		return goOn
	case err == nil:
		return over
	default:
		return failed
	}
}

// fail records and logs a failure. The caller holds n.mu.
func (n *node) fail(err error) {
	e := &Error{Kind: KindOf(err), Err: err}
	if own := (*Error)(nil); errors.As(err, &own) {
		e.Op, e.Err = own.Op, own.Err
	}
	e.Pipeline, e.Stage = n.graph.opts.Path, n.name
	n.failure = e
	n.log().Warn("stage failed", "kind", e.Kind, "op", e.Op, "err", e.Err)
}

// recover waits as the restart policy says; false means that the graph is ending.
func (n *node) recover(soft context.Context, b *backoff, ran time.Duration) bool {
	n.mu.Lock()
	kind, policy := n.failure.Kind, n.plan.Restart
	n.restarts[kind]++
	n.mu.Unlock()
	wait, ok := b.next(kind, policy, ran)
	var due <-chan time.Time
	if ok {
		n.set(Waiting)
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	} else {
		n.set(Failed)
	}
	for {
		select {
		case <-due:
			return true
		case <-soft.Done():
			return false
		case <-n.graph.done:
			return false
		case <-n.changed:
			n.mu.Lock()
			again, leaving := n.again, n.leaving
			n.again = false
			n.mu.Unlock()
			if again || leaving {
				return !leaving
			}
		}
	}
}

// awaitWanted waits until an inserted conversion has a consumer. It returns false
// when the node shall end instead.
func (n *node) awaitWanted(soft context.Context) bool {
	for {
		n.mu.Lock()
		inserted, leaving := n.plan.Inserted, n.leaving
		n.mu.Unlock()
		if leaving {
			return false
		}
		if !inserted || n.wanted() {
			return true
		}
		n.set(Paused)
		n.markOpened()
		select {
		case <-n.changed:
		case <-soft.Done():
			return false
		case <-n.graph.done:
			return false
		}
	}
}
