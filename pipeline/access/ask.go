package access

import (
	"context"
	"errors"
	"time"
)

// patience is how long a policy may take: somewhat longer than what it asks elsewhere.
const patience = 3 * time.Second

// Ask asks a policy, for as long as it may take and ctx lasts. What is no answer is a
// refusal too, and so is a pass that has ended already.
func Ask(ctx context.Context, p Policy, r Request) (*Pass, *Refusal) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pass, err := p.Allow(ctx, r)
	var no *Refusal
	switch {
	case err == nil:
		return pass, pass.Ended(time.Now())
	case errors.As(err, &no):
		return nil, no
	default:
		return nil, Refuse(Unavailable, "It could not be found out whether this is allowed. Please try again.")
	}
}

// Ended says why the pass is over; nil while it is not. A nil Pass never is.
func (p *Pass) Ended(now time.Time) *Refusal {
	if p == nil {
		return nil
	}
	if !p.Expires.IsZero() && !now.Before(p.Expires) {
		return Refuse(Expired, "The permission has expired.")
	}
	select { // a nil channel never is ready
	case <-p.Over:
		return Refuse(Forbidden, "The permission has been withdrawn.")
	default:
		return nil
	}
}

// Wait waits for the end of the pass and says why, or returns nil when ctx ends.
func (p *Pass) Wait(ctx context.Context) *Refusal {
	if p == nil {
		p = &Pass{}
	}
	var expired <-chan time.Time
	if !p.Expires.IsZero() {
		timer := time.NewTimer(time.Until(p.Expires))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-expired:
	case <-p.Over:
	case <-ctx.Done():
		return nil
	}
	return p.Ended(time.Now())
}
