package httpd

import (
	"net"

	"golang.org/x/sys/unix"
)

// notSent is how many bytes the kernel takes for a connection before they can be
// sent. Without it a slow peer's whole segment disappears into the socket, at the
// kernel's cost and out of sight of the write deadline.
const notSent = 128 << 10

func boundSendQueue(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	// A kernel that does not know the option only holds more.
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent)
	})
}
