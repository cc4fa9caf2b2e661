package calm

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"syscall"
	"unsafe"
)

// Read reads from a socket that does not block: syscall.EAGAIN says that nothing is
// there.
func Read(fd uintptr, b []byte) (int, error) {
	for {
		n, _, no := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		runtime.KeepAlive(b)
		switch no {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, no
		}
	}
}

// reader reads a connection. It is for one goroutine at a time.
type reader struct {
	raw  syscall.RawConn
	take func(fd uintptr) bool

	buf []byte // what take reads into
	n   int
	err error
}

// NewReader reads c, waiting as c.Read does, and honouring its deadline and its being
// closed. It is for one goroutine at a time. What is no socket is returned as it is.
func NewReader(c net.Conn) io.Reader {
	s, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c
	}
	r := &reader{raw: raw}
	r.take = func(fd uintptr) bool {
		r.n, r.err = Read(fd, r.buf)
		return !errors.Is(r.err, syscall.EAGAIN)
	}
	return r
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	r.buf, r.n, r.err = b, 0, nil
	failed := r.raw.Read(r.take)
	r.buf = nil
	switch {
	case failed != nil:
		return 0, failed //nolint:wrapcheck // as c.Read would say it
	case r.err != nil:
		return 0, fmt.Errorf("read: %w", r.err)
	case r.n == 0:
		return 0, io.EOF
	default:
		return r.n, nil
	}
}
