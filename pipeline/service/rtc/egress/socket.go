package egress

import (
	"net"
	"net/netip"
	"sync"
)

// Socket is one attached socket.
type Socket struct {
	engine *Engine
	conn   net.PacketConn
	wire   wire // how batches leave

	mu    sync.RWMutex
	peers map[netip.AddrPort]*Session // addresses that a check has validated
}

// Attach makes a socket known. The engine writes to it (to a *udp.Socket by
// batches) and never closes or reads it.
func (e *Engine) Attach(conn net.PacketConn) *Socket {
	s := &Socket{engine: e, conn: conn, peers: make(map[netip.AddrPort]*Session)}
	s.wire.init(conn)
	return s
}

// kind is what a datagram is by its first bytes (RFC 7983 section 7, RFC 5761
// section 4).
type kind uint8

const (
	kindOther kind = iota
	kindSTUN
	kindDTLS
	kindRTP
	kindRTCP
)

func classify(d []byte) kind {
	switch {
	case len(d) < 4:
		return kindOther
	case d[0] < 4:
		return kindSTUN
	case d[0] >= 20 && d[0] < 64:
		return kindDTLS
	case d[0] >= 128 && d[0] < 192 && d[1] >= 192 && d[1] < 224:
		return kindRTCP
	case d[0] >= 128 && d[0] < 192:
		return kindRTP
	default:
		return kindOther
	}
}

// Handle takes one datagram that the socket received. It reports false, and has
// done nothing, if the datagram belongs to no session here: then it is for somebody
// else. It does not keep datagram, blocks on nothing, and may be called from
// several goroutines.
func (s *Socket) Handle(datagram []byte, from netip.AddrPort) bool {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	k := classify(datagram)
	if k == kindSTUN {
		if ufrag := ufragOf(datagram); ufrag != nil {
			session := s.engine.registry.byUfrag(ufrag)
			if session != nil {
				session.check(datagram, origin{socket: s, addr: from})
			}
			return session != nil
		}
	}
	session := s.peer(from)
	if session != nil {
		session.handle(k, datagram, origin{socket: s, addr: from})
	}
	return session != nil
}

func (s *Socket) peer(from netip.AddrPort) *Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.peers[from]
}

// validated routes an address to a session. Whoever proved last that he is there
// has it.
func (s *Socket) validated(from netip.AddrPort, session *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers[from] = session
}

func (s *Socket) forget(from netip.AddrPort, session *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[from] == session {
		delete(s.peers, from)
	}
}

// origin is where something came from: a socket and an address, or a TCP connection.
type origin struct {
	socket *Socket
	addr   netip.AddrPort
	link   *link
}

// path is a validated pair: a way to a viewer.
type path struct {
	origin
	checked int64 // engine time of the last valid check; guarded by Session.mu
}

func newPath(o origin) *path {
	return &path{origin: o}
}

// write sends one datagram that is not media. What cannot be sent is lost, as
// datagrams are.
func (o origin) write(datagram []byte) {
	if o.link != nil {
		o.link.push(datagram)
		return
	}
	_, _ = o.socket.conn.WriteTo(datagram, net.UDPAddrFromAddrPort(o.addr))
}
