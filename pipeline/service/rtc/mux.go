package rtc

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"
)

const (
	// lineQueue is how many datagrams wait for an ICE agent to read them.
	lineQueue = 256
	// lineAddresses is how many remote addresses a line may have spoken with.
	lineAddresses = 16
)

// mux gives each ICE agent its line through the UDP socket. It is an ice.UDPMux.
type mux struct {
	socket socket
	local  func() []netip.AddrPort // at most one of a family
	free   *sync.Pool              // of *[mtu]byte

	mu     sync.RWMutex // guards what follows
	lines  map[lineKey]*line
	owners map[netip.AddrPort]*line // by remote address
	closed bool
}

// lineKey is what a line is known by to checks: an agent has one for each family.
type lineKey struct {
	ufrag string
	v6    bool
}

func newMux(s socket, local func() []netip.AddrPort) *mux {
	return &mux{
		socket: s, local: local, free: &sync.Pool{New: func() any { return new([mtu]byte) }},
		lines: make(map[lineKey]*line), owners: make(map[netip.AddrPort]*line),
	}
}

// GetListenAddresses implements ice.UDPMux.
func (m *mux) GetListenAddresses() []net.Addr {
	var all []net.Addr
	for _, a := range m.local() {
		all = append(all, net.UDPAddrFromAddrPort(a))
	}
	return all
}

// GetConn implements ice.UDPMux.
func (m *mux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return nil, net.InvalidAddrError("not a UDP address")
	}
	key := lineKey{ufrag, udp.IP.To4() == nil}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return nil, net.ErrClosed
	case m.lines[key] != nil:
		return nil, net.InvalidAddrError("a line of that family is taken")
	}
	l := &line{mux: m, key: key, local: udp, in: make(chan datagram, lineQueue), closed: make(chan struct{})}
	m.lines[key] = l
	return l, nil
}

// RemoveConnByUfrag implements ice.UDPMux.
func (m *mux) RemoveConnByUfrag(ufrag string) {
	for _, v6 := range []bool{false, true} {
		m.mu.RLock()
		l := m.lines[lineKey{ufrag, v6}]
		m.mu.RUnlock()
		if l != nil {
			_ = l.Close()
		}
	}
}

// Close implements io.Closer. It closes all lines, not the socket.
func (m *mux) Close() error {
	m.mu.Lock()
	m.closed = true
	var all []*line
	for _, l := range m.lines {
		all = append(all, l)
	}
	m.mu.Unlock()
	for _, l := range all {
		_ = l.Close()
	}
	return nil
}

// check hands a connectivity check to the line of that fragment, if there is one.
func (m *mux) check(ufrag, data []byte, from netip.AddrPort) bool {
	m.mu.RLock()
	l := m.lines[lineKey{string(ufrag), from.Addr().Is6()}]
	m.mu.RUnlock()
	if l != nil {
		l.put(data, from)
	}
	return l != nil
}

// deliver hands a datagram to the line that has spoken with that address.
func (m *mux) deliver(data []byte, from netip.AddrPort) bool {
	m.mu.RLock()
	l := m.owners[from]
	m.mu.RUnlock()
	if l != nil {
		l.put(data, from)
	}
	return l != nil
}

// bind makes l the owner of a remote address.
func (m *mux) bind(l *line, to netip.AddrPort) {
	m.mu.RLock()
	owner := m.owners[to]
	m.mu.RUnlock()
	if owner == l {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lines[l.key] != l {
		return // it is closed
	}
	if old := m.owners[to]; old != nil {
		old.forget(to)
	}
	m.owners[to] = l
	if l.addrs = append(l.addrs, to); len(l.addrs) > lineAddresses {
		delete(m.owners, l.addrs[0])
		l.addrs = slices.Delete(l.addrs, 0, 1)
	}
}

// unbind takes a remote address from the line that owns it.
func (m *mux) unbind(addr netip.AddrPort) {
	m.mu.RLock()
	owned := m.owners[addr] != nil
	m.mu.RUnlock()
	if !owned {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.owners[addr]; l != nil {
		l.forget(addr)
		delete(m.owners, addr)
	}
}

// line is an ICE agent's end of the socket. It is a net.PacketConn and an
// ice.AddrPortReaderWriter.
type line struct {
	mux    *mux
	key    lineKey
	local  *net.UDPAddr
	in     chan datagram
	once   sync.Once
	closed chan struct{}
	addrs  []netip.AddrPort // guarded by the mux's mu
}

// datagram is one that waits to be read.
type datagram struct {
	buf  *[mtu]byte
	n    int
	from netip.AddrPort
}

// put queues a copy of data, or drops it if the agent does not keep up.
func (l *line) put(data []byte, from netip.AddrPort) {
	buf, _ := l.mux.free.Get().(*[mtu]byte)
	select {
	case l.in <- datagram{buf, copy(buf[:], data), from}:
	default:
		l.mux.free.Put(buf)
	}
}

// ReadFromAddrPort reads the next datagram.
func (l *line) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-l.in:
		n := copy(b, d.buf[:d.n])
		l.mux.free.Put(d.buf)
		return n, d.from, nil
	case <-l.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

// WriteToAddrPort sends a datagram; what comes from there belongs to the line from
// now on. An agent writes only to where an authentic check has come from.
func (l *line) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-l.closed:
		return 0, net.ErrClosed
	default:
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	l.mux.bind(l, to)
	return l.mux.socket.WriteToUDPAddrPort(b, to)
}

// ReadFrom implements net.PacketConn.
func (l *line) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := l.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (l *line) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return l.WriteToAddrPort(b, udp.AddrPort())
}

// Close implements net.PacketConn.
func (l *line) Close() error {
	l.once.Do(func() {
		m := l.mux
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.lines, l.key)
		for _, a := range l.addrs {
			delete(m.owners, a)
		}
		l.addrs = nil
		close(l.closed)
	})
	return nil
}

// forget is called with the mux's mu held.
func (l *line) forget(addr netip.AddrPort) {
	l.addrs = slices.DeleteFunc(l.addrs, func(a netip.AddrPort) bool { return a == addr })
}

// LocalAddr implements net.PacketConn.
func (l *line) LocalAddr() net.Addr { return l.local }

// The deadlines of net.PacketConn do nothing: an agent closes a line that it does not
// want to wait for any more.

// SetDeadline implements net.PacketConn.
func (l *line) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (l *line) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (l *line) SetWriteDeadline(time.Time) error { return nil }

var (
	_ ice.UDPMux               = (*mux)(nil)
	_ ice.AddrPortReaderWriter = (*line)(nil)
)
