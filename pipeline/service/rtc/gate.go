package rtc

import (
	"net/netip"
	"sync"
)

// gate counts what is open, in all and by address.
type gate struct {
	most, mostPerAddr int

	mu     sync.Mutex // guards what follows
	open   int
	byAddr map[netip.Addr]int
}

func newGate(most, mostPerAddr int) *gate {
	return &gate{most: most, mostPerAddr: mostPerAddr, byAddr: make(map[netip.Addr]int)}
}

// enter lets one more in, or says that there are enough. leave must be called once,
// and may be called again. This machine's own addresses are not counted by
// themselves: behind them is a reverse proxy.
func (g *gate) enter(from netip.Addr) (leave func(), ok bool) {
	block := network(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= g.most || !from.IsLoopback() && g.byAddr[block] >= g.mostPerAddr {
		return nil, false
	}
	g.open++
	g.byAddr[block]++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open--
		if g.byAddr[block]--; g.byAddr[block] == 0 {
			delete(g.byAddr, block)
		}
	}), true
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// network is what one subscriber usually has: an IPv4 address, an IPv6 /64.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() || !a.IsValid() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}
