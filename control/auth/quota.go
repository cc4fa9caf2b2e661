package auth

import (
	"net/netip"
	"path"
	"slices"
	"sync"
	"time"

	"weir/control/auth/book"
	"weir/control/rest"
	"weir/pipeline/access"
	"weir/pipeline/config"
)

// quotas bound tenants by who is served now. Whoever has been let in but is not seen at a
// door yet counts, too, for a while.
type quotas struct {
	all  []config.Quota
	list func() []Peer

	mu     sync.Mutex // guards the rest
	peers  []Peer
	listed time.Time
	coming []coming
}

// coming is somebody who was let in.
type coming struct {
	Peer
	until time.Time
}

const (
	arriving  = 10 * time.Second
	listEvery = 200 * time.Millisecond
	maxComing = 10_000
)

func newQuotas(all []config.Quota, list func() []Peer) *quotas {
	if list == nil {
		list = func() []Peer { return nil }
	}
	return &quotas{all: all, list: list}
}

// concerns says whether a quota is for somebody at a stream.
func concerns(q *config.Quota, subject, stream string) bool {
	mine, err := path.Match(q.Subject, subject)
	return (q.Subject == "" || mine && err == nil) && (q.Streams == "" || book.Matches([]string{q.Streams}, stream))
}

// admit refuses whoever would exceed a quota.
func (q *quotas) admit(r *access.Request, subject string) error {
	if len(q.all) == 0 {
		return nil
	}
	now := time.Now()
	c := coming{Peer{Path: r.Path, Publisher: r.Action == access.Publish}, now.Add(arriving)}
	c.ID, c.Subject, c.Protocol, c.Agent, c.Since = r.Session, subject, r.Protocol, r.Agent, now
	c.Remote = netip.AddrPortFrom(r.Remote.Unmap(), 0)
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.listed) >= listEvery {
		q.peers, q.listed = q.list(), now
	}
	q.settle(now)
	if q.known(&c) {
		return nil
	}
	for i := range q.all {
		if quota := &q.all[i]; concerns(quota, subject, r.Path) {
			if why := q.full(quota, &c); why != "" {
				return access.Refuse(access.Limited, "The quota is used up: %s as may be at once.", why)
			}
		}
	}
	if len(q.coming) < maxComing {
		q.coming = append(q.coming, c)
	}
	return nil
}

// known says whether it is somebody who is here: the door of HLS asks again and again.
func (q *quotas) known(c *coming) bool {
	same := func(p *Peer) bool { return p.ID != "" && p.ID == c.ID || c.Protocol == "hls" && c.like(p) }
	for i := range q.peers {
		if same(&q.peers[i]) {
			return true
		}
	}
	return slices.ContainsFunc(q.coming, func(o coming) bool { return same(&o.Peer) })
}

// like says whether a peer may be the one that was let in.
func (c *coming) like(p *Peer) bool {
	return c.Path == p.Path && c.Publisher == p.Publisher && c.Protocol == p.Protocol && c.Subject == p.Subject &&
		c.Remote.Addr() == p.Remote.Addr().Unmap()
}

// settle forgets those who have arrived or stayed away. The caller holds mu.
func (q *quotas) settle(now time.Time) {
	arrived := make(map[string]bool)
	q.coming = slices.DeleteFunc(q.coming, func(c coming) bool {
		if !now.Before(c.until) {
			return true
		}
		for i := range q.peers {
			p := &q.peers[i]
			if !arrived[p.ID] && (p.ID == c.ID || c.ID == "" && c.like(p) && !p.Since.Before(c.Since)) {
				arrived[p.ID] = true
				return true
			}
		}
		return false
	})
}

// follows says whether a publisher takes over from a peer, whose place he has then.
func (c *coming) follows(p *Peer) bool {
	return c.Publisher && p.Publisher && c.Path == p.Path && (p.Subject == "" || p.Subject == c.Subject)
}

// full says why a quota has no room for somebody; it is empty if it has. The caller holds
// mu.
func (q *quotas) full(quota *config.Quota, c *coming) string {
	n, bitrate := 0, int64(0)
	count := func(p *Peer) {
		if !concerns(quota, p.Subject, p.Path) || c.follows(p) {
			return
		}
		bitrate += p.Bitrate
		if p.Publisher == c.Publisher {
			n++
		}
	}
	for i := range q.peers {
		count(&q.peers[i])
	}
	for i := range q.coming {
		count(&q.coming[i].Peer)
	}
	most, why := quota.Play, "as many watch"
	if c.Publisher {
		most, why = quota.Publish, "as many publish"
	}
	switch {
	case most > 0 && n >= most:
		return why
	case quota.Bitrate > 0 && bitrate >= int64(quota.Bitrate):
		return "as much is sent and received"
	default:
		return ""
	}
}

// Outputs says whether a caller may add an output to a stream, where a stream of the
// given path has so many that were added: count is asked for the streams of a quota.
// It fails with a *rest.Problem.
func (a *Auth) Outputs(caller *rest.Caller, stream string, count func(concerned func(stream string) bool) int) error {
	for i := range a.quotas.all {
		q := &a.quotas.all[i]
		if q.Outputs == 0 || !concerns(q, caller.Name, stream) {
			continue
		}
		if count(func(other string) bool { return concerns(q, caller.Name, other) }) >= q.Outputs {
			return rest.Fail(429, "quota_exceeded", "The quota of outputs is used up: remove one first.")
		}
	}
	return nil
}
