package worker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// start starts the program with its end of a socket as descriptor 3.
func (h *Host) start() (*process, error) {
	path, err := h.find()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	var words tail
	cmd := h.command(path)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = &words
	cmd.WaitDelay = time.Second
	if err := h.run(cmd); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	return &process{
		conn: ours, pid: cmd.Process.Pid, ended: ended,
		kill: func() { _ = cmd.Process.Kill() },
		why:  func() string { return obituary(cmd.ProcessState, words.String()) },
	}, nil
}

// socketpair makes two connected ends, one as a connection and one to be inherited.
func socketpair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "server")
	defer ours.Close() // FileConn duplicates it
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make a socket: %w", err), theirs.Close())
	}
	return conn, theirs, nil
}
