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
// comes, costs several times what is then done with it. So publishers are read on a
// beat that all share: the process wakes once, empties all their sockets, and sleeps.
const (
	// beat is the time between two readings. A message is read half as much later
	// than it could be, on average.
	beat = 20 * time.Millisecond
	// unnoticed is how many bytes may wait in a publisher's socket without the kernel
	// telling the poller: more than come in one beat at any usual rate.
	unnoticed = 64 << 10
)

// beatConn is a TCP connection that can be read on the beat. Before that, and if it
// is no socket, it reads as any other.
type beatConn struct {
	net.Conn
	socket  syscall.RawConn // nil if it cannot follow the beat
	onBeat  atomic.Bool
	drained bool // the last read left nothing; for the reading goroutine
}

func newBeatConn(c net.Conn) *beatConn { return &beatConn{Conn: c, socket: socketOf(c)} }

// follow makes reads keep to the beat, or not.
func (c *beatConn) follow(onBeat bool) {
	if c.socket == nil || c.onBeat.Swap(onBeat) == onBeat {
		return
	}
	mark := 1
	if onBeat {
		mark = unnoticed
	}
	_ = c.socket.Control(func(fd uintptr) { setLowWater(fd, mark) }) // fails only if it is closed
}

// Read reads what is there, on the beat if it follows it.
func (c *beatConn) Read(b []byte) (int, error) {
	if !c.onBeat.Load() {
		return c.Conn.Read(b)
	}
	for {
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
