package hls

import (
	"context"
	"hash/maphash"
	"net/http"
	"strings"
	"sync"
	"time"
)

// viewers counts who has asked for something lately: addresses with their players,
// so several of one kind behind one address are one.
type viewers struct {
	seed maphash.Seed

	mu   sync.Mutex // guards seen
	seen map[uint64]time.Time
	// more is signalled when somebody new has come.
	more chan struct{}
}

// viewer is what tells one from another.
type viewer struct{ address, agent string }

const (
	// viewerFor is how long a viewer counts after a request: longer than the longest
	// segment, so that players without low latency count all the time.
	viewerFor = 12 * time.Second
	// maxViewers bounds the memory; further ones are not told apart.
	maxViewers = 20000
)

func newViewers() *viewers {
	return &viewers{seed: maphash.MakeSeed(), seen: make(map[uint64]time.Time), more: make(chan struct{}, 1)}
}

// note counts the sender of a request.
func (v *viewers) note(r *http.Request) {
	address := r.RemoteAddr
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		address = address[:i]
	}
	key := maphash.Comparable(v.seed, viewer{address, r.UserAgent()})
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.seen[key]; !known {
		if len(v.seen) >= maxViewers {
			return
		}
		select {
		case v.more <- struct{}{}:
		default:
		}
	}
	v.seen[key] = now
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
	for key, last := range v.seen {
		if now.Sub(last) > viewerFor {
			delete(v.seen, key)
		}
	}
	return len(v.seen)
}

// watch reports the number of viewers until ctx ends.
func (v *viewers) watch(ctx context.Context, report func(int)) {
	tick := time.NewTicker(viewerFor / 6)
	defer tick.Stop()
	for {
		report(v.count(time.Now()))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-v.more:
		}
	}
}
