package rtmpd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// A publisher sends some 77 messages a second. To wake up for each, whenever it
// comes, costs several times what is then done with it. So publishers whose consumers
// have time are read on a beat that all share: the process wakes once, empties all
// their sockets, and sleeps.
const (
	// slowest is the longest time between two readings. Longer ones save little, and
	// the peer's window would get small.
	slowest = 50 * time.Millisecond
	// quickest is the shortest that is worth a sleep.
	quickest = 5 * time.Millisecond
	// unnoticed is how many bytes may wait in a publisher's socket without the kernel
	// telling the poller: more than come in one beat at any usual rate.
	unnoticed = 64 << 10
)

// beatConn is a TCP connection that can be read on the beat. Before that, and if it
// is no socket, it reads as any other.
type beatConn struct {
	net.Conn
	socket  syscall.RawConn // nil if it cannot follow the beat
	beat    atomic.Int64    // time.Duration between two readings; 0 reads what comes at once
	drained bool            // the last read left nothing; for the reading goroutine
}

func newBeatConn(c net.Conn) *beatConn { return &beatConn{Conn: c, socket: socketOf(c)} }

// follow makes what comes be read at most d late.
func (c *beatConn) follow(d time.Duration) {
	if d = min(d, slowest); d < quickest {
		d = 0
	}
	if c.socket == nil {
		return
	}
	mark, before := 1, time.Duration(c.beat.Swap(int64(d)))
	if d > 0 {
		mark = unnoticed
	}
	if (before > 0) != (d > 0) {
		_ = c.socket.Control(func(fd uintptr) { setLowWater(fd, mark) }) // fails only if it is closed
	}
}

// Read reads what is there, on the beat if it follows it.
func (c *beatConn) Read(b []byte) (int, error) {
	for {
		beat := time.Duration(c.beat.Load())
		if beat == 0 {
			return c.Conn.Read(b)
		}
		if c.drained {
			now := time.Now()
			time.Sleep(now.Truncate(beat).Add(beat).Sub(now))
		}
		n, err := c.take(b)
		c.drained = n < len(b)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// take reads without waiting: 0 and no error says that nothing is there. It honours
// the connection's deadline and its being closed.
func (c *beatConn) take(b []byte) (n int, err error) {
	failed := c.socket.Read(func(fd uintptr) bool {
		n, err = readSocket(fd, b)
		return true
	})
	switch {
	case failed != nil:
		return 0, failed
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("read: %w", err)
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	default:
		return n, nil
	}
}

// CloseWrite tells the peer that nothing more comes.
func (c *beatConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
