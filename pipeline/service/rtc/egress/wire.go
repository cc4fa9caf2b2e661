package egress

import (
	"net"
	"sync/atomic"

	"weir/pipeline/service/rtc/udp"
)

// wire is how batches leave a socket: with messages that the kernel cuts into packets,
// with a message for each packet, or one by one. Several Senders use it at a time.
type wire struct {
	conn    net.PacketConn
	many    *udp.Socket   // nil sends one by one
	cut     atomic.Bool   // messages may hold more than one packet
	refused atomic.Uint64 // messages that the system did not take
}

// writeBuffer is what a socket may hold while the device is busy, in bytes: some
// batches. A Sender that finds it full waits.
const writeBuffer = 4 << 20

func (w *wire) init(conn net.PacketConn) {
	w.conn = conn
	if s, ok := conn.(*udp.Socket); ok {
		_ = s.SetWriteBuffer(writeBuffer) // the kernel may allow less
		w.many = s
		w.cut.Store(s.Segments())
	}
}

// segments says whether messages may hold more than one packet.
func (w *wire) segments() bool { return w.cut.Load() }

// send sends the messages. What the system refuses is lost: the viewer asks again,
// or is gone.
func (w *wire) send(messages []udp.Message) {
	for len(messages) > 0 {
		if w.many == nil {
			w.apart(messages[0])
			messages = messages[1:]
			continue
		}
		n, err := w.many.Send(messages)
		if messages = messages[n:]; err == nil {
			return
		}
		// The first one was refused; the others may do.
		if messages[0].Segment > 0 && unsegmented(err) {
			w.cut.Store(!isHopeless(err))
			w.apart(messages[0])
		} else {
			w.refused.Add(1)
		}
		messages = messages[1:]
	}
}

// apart sends the packets of a message one by one.
func (w *wire) apart(m udp.Message) {
	to := net.UDPAddrFromAddrPort(m.To)
	for rest := m.Data; len(rest) > 0; {
		n := len(rest)
		if m.Segment > 0 {
			n = min(n, m.Segment)
		}
		if _, err := w.conn.WriteTo(rest[:n], to); err != nil {
			w.refused.Add(1)
			return
		}
		rest = rest[n:]
	}
}
