package auth

import (
	"net/netip"
	"sync"
	"time"
)

// brake slows those down who guess: after some attempts it lets one through every while.
// Use [newBrake].
type brake struct {
	burst float64
	every time.Duration

	mu   sync.Mutex // guards left
	left map[string]allowance
}

type allowance struct {
	attempts float64
	at       time.Time
}

// maxBraked bounds who is remembered.
const maxBraked = 20_000

func newBrake(burst int, every time.Duration) *brake {
	return &brake{burst: float64(burst), every: every, left: make(map[string]allowance)}
}

// now is what somebody has left. The caller holds mu.
func (b *brake) now(who string) float64 {
	l, known := b.left[who]
	if !known {
		return b.burst
	}
	return min(b.burst, l.attempts+float64(time.Since(l.at))/float64(b.every))
}

// ready says whether somebody may try.
func (b *brake) ready(who string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now(who) >= 1
}

// take says whether somebody may try, and counts it.
func (b *brake) take(who string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.now(who)
	if n < 1 {
		return false
	}
	b.forget()
	b.left[who] = allowance{n - 1, time.Now()}
	return true
}

// give takes an attempt back that was none of guessing.
func (b *brake) give(who string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.now(who) + 1; n >= b.burst {
		delete(b.left, who)
	} else {
		b.left[who] = allowance{n, time.Now()}
	}
}

// forget makes room: for those who have all their attempts again, and if that is not
// enough for anybody. The caller holds mu.
func (b *brake) forget() {
	if len(b.left) < maxBraked {
		return
	}
	for who := range b.left {
		if b.now(who) >= b.burst {
			delete(b.left, who)
		}
	}
	for who := range b.left {
		if len(b.left) < maxBraked*9/10 {
			return
		}
		delete(b.left, who)
	}
}

// network is whom an address belongs to: of IPv6, everybody has a /64.
func network(ip netip.Addr) string {
	if ip.Is6() && !ip.Is4In6() {
		if p, err := ip.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.Unmap().String()
}
