package egress

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/transport/v5/deadline"
)

// lingerFor is how long the association can repeat its last flight, if the viewer
// does not show before that it has it.
const lingerFor = 10 * time.Second

// association is DTLS with a viewer while it has goroutines: from the ClientHello
// until the viewer shows that it has the keys.
type association struct {
	session   *Session
	transport *transport
	settled   chan struct{}   // closed by the first authentic SRTCP
	ctx       context.Context //nolint:containedctx // of one goroutine's run, which stop ends
	cancel    context.CancelFunc
}

func newAssociation(s *Session) *association {
	left := s.engine.limits.Connect - (s.engine.now() - s.opened)
	a := &association{session: s, transport: newTransport(s), settled: make(chan struct{})}
	a.ctx, a.cancel = context.WithTimeout(context.Background(), left)
	return a
}

// stop ends the association; the viewer is told only if it shall be.
func (a *association) stop(farewell bool) {
	a.transport.muted.Store(!farewell)
	a.cancel()
}

// run does the handshake and then waits until the viewer has the last flight.
func (a *association) run(from netip.Addr) {
	s := a.session
	defer s.engine.registry.working.Done()
	defer a.cancel()
	conn, err := a.handshake()
	s.engine.registry.endHandshake(from)
	if err == nil {
		err = s.live(conn)
	}
	if err != nil {
		s.engine.log.Debug("no handshake with a viewer", "error", err)
		if conn != nil {
			_ = conn.Close()
		}
		_ = a.transport.Close()
		s.end(BadHandshake)
		return
	}
	ended := make(chan struct{})
	unhook := context.AfterFunc(a.ctx, func() { close(ended) })
	defer unhook()
	linger := time.NewTimer(lingerFor)
	defer linger.Stop()
	select {
	case <-a.settled:
	case <-linger.C:
	case <-ended:
	}
	s.park(a, conn)
}

func (a *association) handshake() (*dtls.Conn, error) {
	conn, err := dtls.ServerWithOptions(a.transport, a.transport.LocalAddr(), a.session.options()...)
	if err != nil {
		return nil, fmt.Errorf("egress: dtls: %w", err)
	}
	if err := conn.HandshakeContext(a.ctx); err != nil {
		return conn, fmt.Errorf("egress: dtls: %w", err)
	}
	return conn, nil
}

// transport is the net.PacketConn that DTLS sees. What it reads was delivered from
// the session's validated addresses; what it writes takes the session's path.
type transport struct {
	session *Session
	in      chan []byte
	reading *deadline.Deadline
	muted   atomic.Bool // nothing is sent; alerts are kept
	alert   atomic.Pointer[[]byte]
	closed  chan struct{}
	closing sync.Once
}

// maxFlight is the number of datagrams that wait for DTLS; a viewer's flights have
// two or three.
const maxFlight = 8

func newTransport(s *Session) *transport {
	return &transport{session: s, in: make(chan []byte, maxFlight), reading: deadline.New(), closed: make(chan struct{})}
}

// deliver never blocks: what finds no place is lost, and repeated by the viewer.
func (t *transport) deliver(datagram []byte) {
	if len(t.in) == cap(t.in) {
		return
	}
	select {
	case t.in <- bytes.Clone(datagram):
	default:
	}
}

// ReadFrom implements net.PacketConn.
func (t *transport) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case d := <-t.in:
		return copy(p, d), t.LocalAddr(), nil
	case <-t.reading.Done():
		return 0, nil, os.ErrDeadlineExceeded
	case <-t.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (t *transport) WriteTo(p []byte, _ net.Addr) (int, error) {
	if t.muted.Load() {
		if isAlert(p) {
			kept := bytes.Clone(p)
			t.alert.Store(&kept)
		}
	} else if way := t.session.path.Load(); way != nil {
		way.write(p)
	}
	return len(p), nil
}

// kept is the alert that was kept last; nil if none was.
func (t *transport) kept() []byte {
	if p := t.alert.Load(); p != nil {
		return *p
	}
	return nil
}

// Close implements net.PacketConn.
func (t *transport) Close() error {
	t.closing.Do(func() { close(t.closed) })
	return nil
}

// LocalAddr implements net.PacketConn. Which address it is matters to nobody.
func (t *transport) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline implements net.PacketConn.
func (t *transport) SetDeadline(d time.Time) error { return t.SetReadDeadline(d) }

// SetReadDeadline implements net.PacketConn.
func (t *transport) SetReadDeadline(d time.Time) error {
	t.reading.Set(d)
	return nil
}

// SetWriteDeadline implements net.PacketConn. Writing does not block.
func (t *transport) SetWriteDeadline(time.Time) error { return nil }
