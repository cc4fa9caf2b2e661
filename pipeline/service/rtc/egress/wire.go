package egress

import (
	"net"
	"sync/atomic"

	"golang.org/x/net/ipv4"
)

// wire is how batches leave a socket: by sendmmsg with messages that the kernel cuts
// into packets, by sendmmsg with a message for each packet, or one by one. Several
// Senders use it at a time.
type wire struct {
	conn    net.PacketConn
	many    *ipv4.PacketConn // of a *net.UDPConn, for IPv6 too; nil otherwise
	cut     atomic.Bool      // UDP_SEGMENT works
	refused atomic.Uint64    // messages that the system did not take
}

// writeBuffer is what a socket may hold while the device is busy, in bytes: some
// batches. A Sender that finds it full waits.
const writeBuffer = 4 << 20

func (w *wire) init(conn net.PacketConn) {
	w.conn = conn
	if udp, ok := conn.(*net.UDPConn); ok {
		_ = udp.SetWriteBuffer(writeBuffer) // the kernel may allow less
		w.many = ipv4.NewPacketConn(udp)
		w.cut.Store(canSegment(udp))
	}
}

// segments says whether messages may hold more than one packet.
func (w *wire) segments() bool { return w.cut.Load() }

// send sends the messages. What the system refuses is lost: the viewer asks again,
// or is gone.
func (w *wire) send(messages []ipv4.Message) {
	if w.many == nil {
		for i := range messages {
			if _, err := w.conn.WriteTo(messages[i].Buffers[0], messages[i].Addr); err != nil {
				w.refused.Add(1)
			}
		}
		return
	}
	for len(messages) > 0 {
		n, err := w.many.WriteBatch(messages, 0)
		if n > 0 {
			messages = messages[n:]
			continue
		}
		if err == nil {
			return
		}
		// The first one was refused; the others may do.
		if segment := segmentOf(messages[0].OOB); segment > 0 && unsegmented(err) {
			w.cut.Store(!isHopeless(err))
			w.apart(messages[0], segment)
		} else {
			w.refused.Add(1)
		}
		messages = messages[1:]
	}
}

// apart sends the packets of a message one by one.
func (w *wire) apart(m ipv4.Message, segment int) {
	for rest := m.Buffers[0]; len(rest) > 0; {
		n := min(segment, len(rest))
		if _, err := w.conn.WriteTo(rest[:n], m.Addr); err != nil {
			w.refused.Add(1)
			return
		}
		rest = rest[n:]
	}
}
