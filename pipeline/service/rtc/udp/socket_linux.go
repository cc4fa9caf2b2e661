package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Socket is a bound UDP socket. Its methods may be called from any goroutine, Receive
// by one at a time.
type Socket struct {
	fd    int
	gate  *gate
	local *net.UDPAddr
	post  sync.Pool // of *envelopes

	closed atomic.Bool
	mu     sync.RWMutex // held for reading by whoever uses fd
}

// Listen binds a socket to an address of the form "host:port"; without a host it takes
// both IPv4 and IPv6.
func Listen(address string) (*Socket, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the address
	}
	polled, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err //nolint:wrapcheck // likewise
	}
	// The duplicate is the same socket, and the poller forgets it with the original.
	defer polled.Close()
	local, ok := polled.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("listen on %s: the local address is %v", address, polled.LocalAddr())
	}
	s := &Socket{local: local, post: sync.Pool{New: func() any { return new(envelopes) }}}
	raw, err := polled.SyscallConn()
	if err != nil {
		return nil, err //nolint:wrapcheck // likewise
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		s.fd, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(err, os.NewSyscallError("dup", failed)); err != nil {
		return nil, err
	}
	if s.gate, err = newGate(s.fd); err != nil {
		_ = unix.Close(s.fd)
		return nil, err
	}
	return s, nil
}

// Receive hands each datagram to take, until the socket is closed: then it returns
// net.ErrClosed. Any other error is of a passing kind (a lack of memory, say), and
// Receive may be called again.
func (s *Socket) Receive(take Take) error {
	in := newInbox(together)
	var pace beat
	for {
		n, err := s.receive(in)
		if err != nil {
			return err
		}
		now := time.Now()
		for i := range n {
			pace.heard(take(in.datagram(i), in.from(i)), now)
		}
		if n < together {
			time.Sleep(pace.rest(now))
		}
	}
}

// receive waits until something is there, and reads it.
func (s *Socket) receive(in *inbox) (n int, err error) {
	read := func() (no unix.Errno) {
		n, no = in.receive(s.fd)
		return no
	}
	for err = s.use("recvmmsg", read); errors.Is(err, unix.EAGAIN); err = s.use("recvmmsg", read) {
		err := s.gate.await(s.fd)
		switch {
		case s.closed.Load():
			return 0, net.ErrClosed
		case err != nil:
			return 0, err
		}
	}
	return n, err
}

// full is how long a full buffer is waited for before it is tried again.
const full = time.Millisecond

// Send sends messages until one of them is refused, and says how many it has sent. It
// waits while the socket's buffer is full.
func (s *Socket) Send(messages []Message) (n int, err error) {
	e, _ := s.post.Get().(*envelopes)
	defer s.post.Put(e)
	for n < len(messages) && err == nil {
		e.fill(messages[n:])
		err = s.use("sendmmsg", func() unix.Errno {
			some, no := e.send(s.fd)
			n += some
			return no
		})
		if errors.Is(err, unix.EAGAIN) {
			time.Sleep(full)
			err = nil
		}
	}
	return n, err
}

// Segments says whether the kernel cuts messages (Linux 4.18).
func (s *Socket) Segments() bool {
	return s.use("getsockopt", func() unix.Errno {
		_, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		return errno(err)
	}) == nil
}

// WriteToUDPAddrPort sends a datagram.
func (s *Socket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if _, err := s.Send([]Message{{Data: b, To: to}}); err != nil {
		return 0, err
	}
	return len(b), nil
}

// WriteTo implements net.PacketConn.
func (s *Socket) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return s.WriteToUDPAddrPort(b, addr.AddrPort())
}

// ReadFrom implements net.PacketConn. Receive is the cheaper way.
func (s *Socket) ReadFrom(b []byte) (int, net.Addr, error) {
	in := newInbox(1)
	if _, err := s.receive(in); err != nil {
		return 0, nil, err
	}
	return copy(b, in.datagram(0)), net.UDPAddrFromAddrPort(in.from(0)), nil
}

// LocalAddr implements net.PacketConn.
func (s *Socket) LocalAddr() net.Addr { return s.local }

// Close implements net.PacketConn. Whoever waits returns net.ErrClosed.
func (s *Socket) Close() error {
	if s.closed.Swap(true) {
		return net.ErrClosed
	}
	err := s.gate.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, os.NewSyscallError("close", unix.Close(s.fd)))
}

// use makes a system call that does not block, until it is done or refused.
func (s *Socket) use(name string, call func() unix.Errno) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for {
		if s.closed.Load() {
			return net.ErrClosed
		}
		switch no := call(); no {
		case 0:
			return nil
		case unix.EINTR:
		case unix.EAGAIN:
			return no
		default:
			return os.NewSyscallError(name, no)
		}
	}
}

// SetReadBuffer sets how many bytes the kernel keeps of what was not read yet; it may
// allow less.
func (s *Socket) SetReadBuffer(bytes int) error { return s.set(unix.SO_RCVBUF, bytes) }

// SetWriteBuffer sets how many bytes may wait to leave; the kernel may allow less.
func (s *Socket) SetWriteBuffer(bytes int) error { return s.set(unix.SO_SNDBUF, bytes) }

func (s *Socket) set(option, value int) error {
	return s.use("setsockopt", func() unix.Errno {
		return errno(unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, option, value))
	})
}

func errno(err error) unix.Errno {
	var no unix.Errno
	_ = errors.As(err, &no) // what package unix returns is one
	return no
}

// There are no deadlines: Close ends what waits.

// SetDeadline implements net.PacketConn.
func (s *Socket) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline implements net.PacketConn.
func (s *Socket) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline implements net.PacketConn.
func (s *Socket) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

var _ net.PacketConn = (*Socket)(nil)
