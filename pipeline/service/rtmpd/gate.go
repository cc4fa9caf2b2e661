package rtmpd

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// gate counts the open connections and decides which may come in.
type gate struct {
	limits *Limits
	count  *counters

	mu         sync.Mutex // guards what follows
	open       int
	publishers int
	addresses  map[netip.Prefix]int
	pending    *list.List // of *ticket, oldest first
}

// ticket is a connection's place in the gate. All its methods may be called by
// any goroutine.
type ticket struct {
	gate    *gate
	conn    net.Conn
	from    netip.Prefix
	waiting *list.Element // in gate.pending; nil once it publishes or left
	state   ticketState
}

type ticketState uint8

const (
	ticketPending ticketState = iota
	ticketPublishing
	ticketLeft
)

func newGate(limits *Limits, count *counters) *gate {
	return &gate{limits: limits, count: count, addresses: make(map[netip.Prefix]int), pending: list.New()}
}

// enter lets a connection in, or refuses it. It may close the one that has been
// pending for longest.
func (g *gate) enter(conn net.Conn) (*ticket, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	from := network(remote(conn).Addr())
	switch {
	case g.open >= g.limits.Connections:
		g.count.refused[RefusedConnections].Add(1)
		return nil, false
	case g.addresses[from] >= g.limits.PerAddress:
		g.count.refused[RefusedAddress].Add(1)
		return nil, false
	}
	if g.pending.Len() >= g.limits.Pending {
		g.displace()
	}
	t := &ticket{gate: g, conn: conn, from: from}
	t.waiting = g.pending.PushBack(t)
	g.open++
	g.addresses[from]++
	g.count.accepted.Add(1)
	return t, true
}

// displace closes the oldest pending connection. The caller holds mu.
func (g *gate) displace() {
	e := g.pending.Front()
	if e == nil {
		return
	}
	t, _ := g.pending.Remove(e).(*ticket)
	t.waiting = nil
	g.count.refused[RefusedDisplaced].Add(1)
	_ = t.conn.Close() // its goroutine notices, and leaves
}

// publishing moves the connection from the pending ones to the publishers, or
// back. It reports false if the connection has been displaced in the meantime.
func (t *ticket) publishing(yes bool) bool {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case yes && t.state == ticketPending && t.waiting != nil:
		g.pending.Remove(t.waiting)
		t.waiting, t.state = nil, ticketPublishing
		g.publishers++
		g.count.published.Add(1)
	case !yes && t.state == ticketPublishing:
		t.waiting, t.state = g.pending.PushBack(t), ticketPending
		g.publishers--
	default:
		return false
	}
	return true
}

// leave gives the place back, and says whether the gate has closed the connection:
// together, lest it should do so in between. Further calls do nothing.
func (t *ticket) leave() (displaced bool) {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.state == ticketLeft {
		return false
	}
	displaced = t.state == ticketPending && t.waiting == nil
	if t.state == ticketPublishing {
		g.publishers--
	}
	if t.waiting != nil {
		g.pending.Remove(t.waiting)
		t.waiting = nil
	}
	t.state = ticketLeft
	g.open--
	if g.addresses[t.from]--; g.addresses[t.from] == 0 {
		delete(g.addresses, t.from)
	}
	return displaced
}

// fill completes a snapshot.
func (g *gate) fill(s *Stats) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.MaxConnections = g.limits.Connections
	s.Connections, s.Pending, s.Publishers = g.open, g.pending.Len(), g.publishers
}

// network is what counts as one address: an IPv4 address or an IPv6 /64, which
// is what one household or server has.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // not TCP: all such count together
	}
	return p
}

// remote is the peer's address, an IPv4 one never in IPv6 clothes.
func remote(c net.Conn) netip.AddrPort {
	t, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
