package peer

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// transport is what DTLS sees of the socket during the handshake: its own datagrams
// (RFC 7983), and behind it nothing. The farewell is not sent, for the session goes on.
// The server has the keys first and may send media right behind its last flight: that is
// kept.
type transport struct {
	*net.UDPConn
	ended   atomic.Bool
	reading sync.Mutex // held while DTLS reads; guards early
	early   [][]byte
}

// mostEarly is how many datagrams are kept: a key picture of 250 kB.
const mostEarly = 256

// end lets DTLS read and write nothing more, waits until it has noticed, and returns what
// came that was not for it.
func (t *transport) end() (early [][]byte) {
	t.ended.Store(true)
	_ = t.UDPConn.SetReadDeadline(time.Unix(1, 0))
	t.reading.Lock()
	defer t.reading.Unlock()
	_ = t.UDPConn.SetReadDeadline(time.Time{})
	return t.early
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
		if len(t.early) < mostEarly {
			t.early = append(t.early, slices.Clone(b[:n]))
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
