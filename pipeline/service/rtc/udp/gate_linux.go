package udp

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// gate tells when a socket has something to read, if it is asked to, and once: an epoll
// instance with nothing else in it, which the runtime's poller watches in the socket's
// place.
type gate struct {
	file *os.File
	raw  syscall.RawConn
}

func newGate(socket int) (*gate, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	err = unix.SetNonblock(fd, true) // or the poller does not take it
	g := &gate{file: os.NewFile(uintptr(fd), "epoll")}
	if err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, socket, &unix.EpollEvent{Events: unix.EPOLLONESHOT})
	}
	if err == nil {
		g.raw, err = g.file.SyscallConn()
	}
	if err != nil {
		_ = g.file.Close()
		return nil, os.NewSyscallError("epoll", err)
	}
	return g, nil
}

// await returns when the socket may be read, or with an error when the gate is closed.
// It is for one goroutine at a time.
func (g *gate) await(socket int) error {
	var failed error
	armed := false
	err := g.raw.Read(func(fd uintptr) bool {
		if !armed {
			armed = true
			failed = unix.EpollCtl(int(fd), unix.EPOLL_CTL_MOD, socket, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT})
			return failed != nil
		}
		n, no := ready(fd)
		if no != 0 && no != unix.EINTR {
			failed = no
		}
		return n > 0 || failed != nil
	})
	return errors.Join(err, os.NewSyscallError("epoll", failed))
}

func (g *gate) close() error { return g.file.Close() }
