package peer

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// transport is what DTLS sees of the socket during the handshake: its own datagrams
// (RFC 7983), and behind it nothing. The client is the first to have all it needs, so
// nothing is lost when it goes deaf; the farewell is not sent, for the session goes on.
type transport struct {
	*net.UDPConn
	ended   atomic.Bool
	reading sync.Mutex // held while DTLS reads
}

// end lets DTLS read and write nothing more, and waits until it has noticed.
func (t *transport) end() {
	t.ended.Store(true)
	_ = t.UDPConn.SetReadDeadline(time.Unix(1, 0))
	t.reading.Lock()
	defer t.reading.Unlock()
	_ = t.UDPConn.SetReadDeadline(time.Time{})
}

// ReadFrom implements net.PacketConn.
func (t *transport) ReadFrom(b []byte) (int, net.Addr, error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	for !t.ended.Load() {
		n, err := t.Read(b)
		if err != nil {
			return 0, nil, err //nolint:wrapcheck // a net.Error for DTLS
		}
		if n > 0 && b[0] >= 20 && b[0] < 64 {
			return n, t.RemoteAddr(), nil
		}
	}
	return 0, nil, net.ErrClosed
}

// WriteTo implements net.PacketConn.
func (t *transport) WriteTo(b []byte, _ net.Addr) (int, error) {
	if t.ended.Load() {
		return len(b), nil
	}
	return t.Write(b) //nolint:wrapcheck // as above
}

// SetReadDeadline implements net.PacketConn.
func (t *transport) SetReadDeadline(at time.Time) error {
	if t.ended.Load() {
		return nil
	}
	return t.UDPConn.SetReadDeadline(at) //nolint:wrapcheck // as above
}

// SetDeadline implements net.PacketConn; writing does not block.
func (t *transport) SetDeadline(at time.Time) error { return t.SetReadDeadline(at) }

// SetWriteDeadline implements net.PacketConn.
func (t *transport) SetWriteDeadline(time.Time) error { return nil }

// Close implements net.PacketConn; the socket stays.
func (t *transport) Close() error { return nil }
