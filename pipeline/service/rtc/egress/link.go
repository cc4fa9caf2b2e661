package egress

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxFrame bounds the frames that a viewer sends over TCP (RFC 4571 section 2):
// checks, DTLS flights and RTCP.
const maxFrame = 2048

// writeFor is how long a viewer over TCP may take nothing.
const writeFor = 10 * time.Second

// link is a viewer's TCP connection. Whoever sends puts frames into its queue, which
// is bounded in bytes; one goroutine writes them.
type link struct {
	conn    net.Conn
	remote  netip.AddrPort
	limit   int // bytes of queue
	session atomic.Pointer[Session]

	mu    sync.Mutex
	queue []byte
	ended bool // nothing more is queued
	more  chan struct{}
}

// HandleTCP serves a TCP connection of a viewer until it ends, and closes it.
// first is its first frame, without the length, which the caller has read.
func (e *Engine) HandleTCP(conn net.Conn, first []byte) {
	l := &link{conn: conn, limit: e.limits.TCPQueue, more: make(chan struct{}, 1)}
	if a, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		l.remote = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	if !e.registry.addLink(l) {
		_ = conn.Close()
		return
	}
	defer e.registry.removeLink(l)
	written := make(chan struct{})
	go func() {
		defer close(written)
		l.write()
	}()
	l.read(e, first)
	l.finish()
	<-written
}

// read takes frames until the connection fails or its session ends. A connection
// that belongs to no session when the time to connect is over ends then.
func (l *link) read(e *Engine, frame []byte) {
	from := origin{addr: l.remote, link: l}
	_ = l.conn.SetReadDeadline(time.Now().Add(e.limits.Connect))
	in := bufio.NewReaderSize(l.conn, maxFrame)
	buf := make([]byte, maxFrame)
	for {
		if s := l.session.Load(); s != nil {
			_ = l.conn.SetReadDeadline(time.Now().Add(e.limits.Consent))
		}
		l.handle(e, frame, from)
		var err error
		if frame, err = readFrame(in, buf); err != nil {
			return
		}
	}
}

func (l *link) handle(e *Engine, frame []byte, from origin) {
	k := classify(frame)
	if k == kindSTUN {
		if s := e.registry.byUfrag(ufragOf(frame)); s != nil {
			s.check(frame, from)
		}
		return
	}
	if s := l.session.Load(); s != nil {
		s.handle(k, frame, from)
	}
}

var errFrame = errors.New("egress: frame too large")

// readFrame reads one frame into buf.
func readFrame(in io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(in, buf[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > len(buf) {
		return nil, errFrame
	}
	_, err := io.ReadFull(in, buf[:n])
	return buf[:n], err
}

// belongsTo says whether the connection is that session's. The first valid check
// decides.
func (l *link) belongsTo(s *Session) bool {
	return l.session.CompareAndSwap(nil, s) || l.session.Load() == s
}

// push queues a frame; false if there is no room.
func (l *link) push(frame []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || len(l.queue)+2+len(frame) > l.limit {
		return false
	}
	l.queue = binary.BigEndian.AppendUint16(l.queue, uint16(len(frame)))
	l.queue = append(l.queue, frame...)
	l.wake()
	return true
}

func (l *link) wake() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// finish lets what is queued be written, and then closes the connection.
func (l *link) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.wake()
}

// write writes the queue until finish, or until the connection fails.
func (l *link) write() {
	defer func() { _ = l.conn.Close() }()
	var out []byte
	for range l.more {
		l.mu.Lock()
		out, l.queue = l.queue, out[:0]
		ended := l.ended
		l.mu.Unlock()
		if len(out) > 0 {
			_ = l.conn.SetWriteDeadline(time.Now().Add(writeFor))
			if _, err := l.conn.Write(out); err != nil {
				l.finish()
				return
			}
		}
		if ended {
			return
		}
	}
}
