package rtmpd

import (
	"net"
	"syscall"
	"time"
)

// Waking up for a message costs several times what is then done with it, and most
// messages are small: sound, and pictures that differ little from the one before. So
// a publisher's socket counts as readable only when it holds what arrives in a short
// while at the present rate (SO_RCVLOWAT), or when the peer is done.
const (
	// lowWaterTime is that while. A message is read about that much later at most,
	// but for a peer that slows down abruptly, until the rate is measured again.
	lowWaterTime = 12 * time.Millisecond
	// lowWaterMost bounds the mark, in bytes, far below what a socket holds.
	lowWaterMost = 16 << 10
	// lowWaterEvery is how often the rate is measured.
	lowWaterEvery = 500 * time.Millisecond
)

// lowWater keeps the mark of one socket. The zero value does nothing.
type lowWater struct {
	socket syscall.RawConn
	mark   int       // bytes; what the socket was told
	since  time.Time // when measuring began
	bytes  int       // read since then
}

// newLowWater begins to measure a connection; for TLS, the one beneath.
func newLowWater(conn net.Conn) lowWater {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return lowWater{}
	}
	socket, err := c.SyscallConn()
	if err != nil {
		return lowWater{}
	}
	return lowWater{socket: socket, mark: 1}
}

// read notes that n bytes were read, and moves the mark when it is time.
func (w *lowWater) read(n int, now time.Time) {
	w.bytes += n
	took := now.Sub(w.since)
	if w.socket == nil || took < lowWaterEvery {
		return
	}
	if !w.since.IsZero() {
		w.set(min(int(int64(w.bytes)*int64(lowWaterTime)/int64(took)), lowWaterMost))
	}
	w.since, w.bytes = now, 0
}

// set moves the mark, unless it stands there or nearly so.
func (w *lowWater) set(mark int) {
	mark = max(mark, 1)
	if d := mark - w.mark; d*d*16 < w.mark*w.mark {
		return
	}
	err := w.socket.Control(func(fd uintptr) { setLowWater(fd, mark) })
	if err == nil {
		w.mark = mark
	}
}

// off makes the socket readable for every byte again.
func (w *lowWater) off() {
	if w.socket != nil {
		w.set(1)
	}
	*w = lowWater{}
}
