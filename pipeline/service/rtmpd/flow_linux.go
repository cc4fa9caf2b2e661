package rtmpd

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// userTimeout is how long sent bytes may go without an acknowledgement before the
// system gives the connection up.
const userTimeout = 10 * time.Second

// unsent is how many bytes may wait in the system for their turn. What waits there is
// late, and can no longer be left out.
const unsent = 64 << 10

// setSending makes a socket notice that its peer is gone and, if it is to be prompt,
// keeps little in it.
func setSending(c net.Conn, prompt bool) {
	raw := socketOf(c)
	if raw == nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // what it does not take, it is without
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout/time.Millisecond))
		if prompt {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
		}
	})
}

// socketFlow adds what the socket knows.
func socketFlow(c net.Conn, f *Flow) {
	raw := socketOf(c)
	if raw == nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			f.Arrived, f.Waiting = info.Bytes_acked, info.Unacked > 0 || info.Notsent_bytes > 0
		}
	})
}
