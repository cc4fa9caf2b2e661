package httpd

import (
	"net"

	"golang.org/x/sys/unix"
)

// established is the kernel's number of the only state in which a peer can still
// both send and receive.
const established = 1

// gone says whether the peer has closed the connection, or lost it.
func gone(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	var is bool
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		is = err == nil && info.State != established
	})
	return is || err != nil
}
