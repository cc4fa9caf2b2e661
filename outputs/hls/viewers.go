package hls

import (
	"context"
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// viewers knows who has asked for something lately: addresses with their players, so
// several of one kind behind one address are one.
type viewers struct {
	seed maphash.Seed

	mu     sync.Mutex // guards what follows, and in each viewer what says so
	seen   map[uint64]*viewer
	banned map[outcast]ban
	// more is signalled when somebody new has come.
	more chan struct{}
}

// identity is what tells one viewer from another.
type identity struct{ address, agent string }

// viewer is one who has asked for something lately.
type viewer struct {
	identity
	subject string    // guarded by the viewers' mu, as is what follows
	since   time.Time // of the first request, and of the last
	last    time.Time
	bitrate int64 // of late
	sent    struct {
		bytes uint64
		at    time.Time
	}

	bytes atomic.Uint64 // sent in all
}

// outcast is whom a ban is for: an address with whose permission it came. On this
// machine, where proxies run, players are told apart.
type outcast struct{ address, subject, agent string }

type ban struct {
	until time.Time
	why   string
}

const (
	// viewerFor is how long a viewer counts after a request: longer than the longest
	// segment, so that players without low latency count all the time.
	viewerFor = 12 * time.Second
	// bannedFor is how long one who was sent away is refused.
	bannedFor = time.Minute
	// maxViewers bounds the memory; further ones are not told apart. maxBans does too;
	// the operator sends nobody away in such numbers.
	maxViewers, maxBans = 20000, 1000
)

func newViewers() *viewers {
	return &viewers{
		seed: maphash.MakeSeed(), seen: make(map[uint64]*viewer), banned: make(map[outcast]ban), more: make(chan struct{}, 1),
	}
}

// note counts the sender of a request, unless he has been sent away. The viewer is nil
// if there are too many to tell them apart.
func (v *viewers) note(g *guest) (*viewer, error) {
	key := maphash.Comparable(v.seed, identity{g.address, g.agent})
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.banned) > 0 {
		if b, ok := v.banned[outcastOf(g.address, g.subject(), g.agent)]; ok && now.Before(b.until) {
			return nil, &dismissed{b.why}
		}
	}
	one := v.seen[key]
	if one == nil {
		if len(v.seen) >= maxViewers {
			return nil, nil //nolint:nilnil // as promised
		}
		one = &viewer{identity: identity{strings.Clone(g.address), strings.Clone(g.agent)}, since: now}
		v.seen[key] = one
		select {
		case v.more <- struct{}{}:
		default:
		}
	}
	one.last = now
	if subject := g.subject(); one.subject != subject {
		one.subject = subject
	}
	return one, nil
}

func outcastOf(address, subject, agent string) outcast {
	if !addrOf(address).IsLoopback() {
		agent = ""
	}
	return outcast{address, subject, agent}
}

// addrOf is an address as in http.Request.RemoteAddr, without the port.
func addrOf(address string) netip.Addr {
	a, _ := netip.ParseAddr(strings.Trim(address, "[]")) // else the zero Addr
	return a.Unmap()
}

// dismiss refuses a viewer for a while. It says whether there was one of that key.
func (v *viewers) dismiss(key uint64, why string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	one := v.seen[key]
	if one == nil || len(v.banned) >= maxBans {
		return false
	}
	v.banned[outcastOf(one.address, one.subject, one.agent)] = ban{time.Now().Add(bannedFor), why}
	delete(v.seen, key)
	return true
}

// any says whether somebody has asked for something lately.
func (v *viewers) any() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.seen) > 0
}

// count forgets who has gone and returns how many are left.
func (v *viewers) count(now time.Time) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, one := range v.seen {
		if now.Sub(one.last) > viewerFor {
			delete(v.seen, key)
		}
	}
	for who, b := range v.banned {
		if !now.Before(b.until) {
			delete(v.banned, who)
		}
	}
	return len(v.seen)
}

// measureEvery is the least time over which bitrates are measured.
const measureEvery = viewerFor / 6

// measure notes what viewers have been sent of late.
func (v *viewers) measure(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range v.seen {
		passed := now.Sub(one.sent.at)
		if passed < measureEvery {
			continue
		}
		bytes := one.bytes.Load()
		if !one.sent.at.IsZero() {
			one.bitrate = int64(float64(bytes-one.sent.bytes) * 8 / passed.Seconds())
		}
		one.sent.bytes, one.sent.at = bytes, now
	}
}

// watch reports the number of viewers until ctx ends.
func (v *viewers) watch(ctx context.Context, report func(int)) {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		report(v.count(now))
		select {
		case <-ctx.Done():
			return
		case now = <-tick.C:
			v.measure(now)
		case <-v.more:
		}
	}
}
