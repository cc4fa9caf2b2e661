package rtmpd

import (
	"net"
	"syscall"

	"weir/pipeline/calm"
)

// socketOf is the socket of a connection, or nil.
func socketOf(c net.Conn) syscall.RawConn {
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

func readSocket(fd uintptr, b []byte) (int, error) { return calm.Read(fd, b) }

// setLowWater says how many bytes make a socket readable to the poller; a read that
// does not wait returns what is there all the same.
func setLowWater(fd uintptr, bytes int) {
	_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
}
