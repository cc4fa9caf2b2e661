package access

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// passFor and refuseFor are how long an answer is good for.
	passFor, refuseFor = 5 * time.Second, time.Second
	// mostAnswers bounds those that are kept; one more displaces another.
	mostAnswers = 20_000
)

// Cache is a Policy that asks another one the same question once in a few seconds, and
// once for all who ask it at a time: for doors at which players ask many times a second.
// A pass that ends is forgotten at once. Requests that differ in the agent, the session
// or the keys only are the same to it. Use [NewCache].
type Cache struct {
	policy Policy

	mu    sync.Mutex // guards known
	known map[question]*answer
}

// question is what an answer depends on. shown is a hash of all credentials, and of
// who is said to be behind the remote; zero without any.
type question struct {
	action         Action
	path, protocol string
	remote         netip.Addr
	shown          [sha256.Size]byte
}

type answer struct {
	there chan struct{} // closed when what follows is
	pass  *Pass
	no    *Refusal
	until time.Time
}

// NewCache puts a cache in front of a policy.
func NewCache(p Policy) *Cache { return &Cache{policy: p, known: make(map[question]*answer)} }

// Allow implements [Policy].
func (c *Cache) Allow(ctx context.Context, r Request) (*Pass, error) {
	q := question{r.Action, r.Path, r.Protocol, r.Remote, r.shown()}
	now := time.Now()
	c.mu.Lock()
	a := c.known[q]
	if a == nil || a.stale(now) {
		a = c.begin(q)
		c.mu.Unlock()
		// Others wait for it too, whatever becomes of this request.
		a.find(context.WithoutCancel(ctx), c.policy, r)
	} else {
		c.mu.Unlock()
	}
	select {
	case <-a.there:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a.no != nil {
		return nil, a.no
	}
	return a.pass, nil
}

// begin makes room for the answer to a question. The caller holds c.mu.
func (c *Cache) begin(q question) *answer {
	if c.known[q] == nil && len(c.known) >= mostAnswers {
		for other := range c.known { // any one
			delete(c.known, other)
			break
		}
	}
	q.path = strings.Clone(q.path) // it may be a part of something large
	a := &answer{there: make(chan struct{})}
	c.known[q] = a
	return a
}

// find asks the question. A policy that panics has not allowed anything.
func (a *answer) find(ctx context.Context, p Policy, r Request) {
	defer close(a.there)
	a.no = Refuse(Unavailable, "It could not be found out whether this is allowed.")
	a.pass, a.no = Ask(ctx, p, r)
	a.until = time.Now().Add(passFor)
	if a.no != nil {
		a.until = time.Now().Add(refuseFor)
	}
}

// stale says that the answer must not be given any more. One that is waited for is not.
func (a *answer) stale(now time.Time) bool {
	select {
	case <-a.there:
		return !now.Before(a.until) || a.no == nil && a.pass.Ended(now) != nil
	default:
		return false
	}
}

// shown is a hash of all credentials, and of what says that it is not the peer's own
// address.
func (r *Request) shown() (sum [sha256.Size]byte) {
	if r.Bare() && r.Forwarded == "" {
		return sum
	}
	var all []byte
	for _, s := range [...]string{r.User, r.Password.Reveal(), r.Token.Reveal(), r.Query.Reveal(), r.Cookie.Reveal(), r.Forwarded} {
		all = binary.BigEndian.AppendUint32(all, uint32(len(s))) //nolint:gosec // bounded by the doors
		all = append(all, s...)
	}
	return sha256.Sum256(all)
}
