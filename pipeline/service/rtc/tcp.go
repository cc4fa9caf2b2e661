package rtc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
)

// maxFirstFrame bounds the first frame of a TCP connection, which is a check.
const maxFirstFrame = 512

// acceptTCP takes connections until the listener is closed.
func (s *Server) acceptTCP(ctx context.Context) error {
	var greeting sync.WaitGroup
	defer greeting.Wait()
	for {
		conn, err := s.tcp.Accept()
		switch {
		case errors.Is(err, net.ErrClosed) || err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			s.log.Warn("accepting a TCP connection failed", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(50 * time.Millisecond): // no descriptors, probably
			}
			continue
		}
		remote, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
		leave, ok := s.conns.enter(remote.Addr())
		if !ok {
			_ = conn.Close()
			continue
		}
		conn = &countedConn{Conn: conn, leave: leave}
		greeting.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			err := s.greet(conn)
			if !stop() || err != nil {
				_ = conn.Close()
			}
		})
	}
}

// greet reads the first frame (RFC 4571 section 2) and hands the connection to whose
// it is.
func (s *Server) greet(conn net.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(s.limits.Frame)); err != nil {
		return err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n > maxFirstFrame {
		return fmt.Errorf("the first frame has %d bytes", n)
	}
	first := make([]byte, n)
	if _, err := io.ReadFull(conn, first); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	switch ufrag := checkFor(first); {
	case ufrag == nil:
		return errors.New("the first frame is no connectivity check")
	case s.streams.has(string(ufrag)):
		return s.streams.hand(&resumedConn{Conn: conn, first: append(length[:], first...)})
	case s.egress != nil && s.egress.Owns(string(ufrag)):
		s.egress.HandleTCP(conn, first)
		return nil
	default:
		return errors.New("the check is for nobody here")
	}
}

// streamMux gives ICE agents their TCP connections. It is an ice.TCPMux that only
// knows agents, not whoever claims to be one.
type streamMux struct {
	*ice.TCPMuxDefault
	listener *handListener

	mu     sync.Mutex // guards agents
	agents map[string]int
}

// Addresses of the two families that only agents and their mux know: what peers are
// told is written by [addresses].
func streamAddresses() [2]netip.Addr {
	return [2]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.MustParseAddr("2001:db8::1")}
}

func newStreamMux(addr net.Addr, log logging.LeveledLogger) *streamMux {
	l := &handListener{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
	return &streamMux{
		TCPMuxDefault: ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: l, Logger: log, ReadBufferSize: 64, WriteBufferSize: 64 << 10,
		}),
		listener: l, agents: make(map[string]int),
	}
}

// GetConnByUfrag implements ice.TCPMux.
func (m *streamMux) GetConnByUfrag(ufrag string, v6 bool, local net.IP) (net.PacketConn, error) {
	m.mu.Lock()
	m.agents[ufrag]++
	m.mu.Unlock()
	return m.TCPMuxDefault.GetConnByUfrag(ufrag, v6, local)
}

// RemoveConnByUfrag implements ice.TCPMux.
func (m *streamMux) RemoveConnByUfrag(ufrag string) {
	m.mu.Lock()
	delete(m.agents, ufrag)
	m.mu.Unlock()
	m.TCPMuxDefault.RemoveConnByUfrag(ufrag)
}

func (m *streamMux) has(ufrag string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.agents[ufrag] > 0
}

func (m *streamMux) hand(conn net.Conn) error {
	select {
	case m.listener.conns <- conn:
		return nil
	case <-m.listener.closed:
		return net.ErrClosed
	}
}

// handListener is a listener whose connections are handed to it.
type handListener struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *handListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *handListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *handListener) Addr() net.Addr { return l.addr }

// resumedConn is a connection of which the beginning was read already.
type resumedConn struct {
	net.Conn
	first []byte
}

// Read reads the beginning again, then the rest.
func (c *resumedConn) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// LocalAddr is the one that agents know.
func (c *resumedConn) LocalAddr() net.Addr {
	t, ok := c.Conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return c.Conn.LocalAddr()
	}
	family := 0
	if t.IP.To4() == nil {
		family = 1
	}
	return &net.TCPAddr{IP: streamAddresses()[family].AsSlice(), Port: t.Port}
}

// countedConn leaves the gate when it is closed.
type countedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}

var _ ice.TCPMux = (*streamMux)(nil)
