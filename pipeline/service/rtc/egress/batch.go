package egress

import (
	"golang.org/x/net/ipv4"
)

const (
	// batchBytes is the size of a batch's buffer: large enough that the system call
	// is shared by many, small enough that it stays in the processor's cache.
	batchBytes = 192 << 10
	// batchMessages is the number of messages in a batch at most.
	batchMessages = 128
	// maxSegments is the number of packets in a message: UDP_MAX_SEGMENTS of Linux.
	maxSegments = 64
	// maxMessage is the number of bytes in a message: what UDP over IPv6 takes.
	maxMessage = 65535 - 8 - 40
)

// batch collects packets for one socket. Packets for one viewer that follow one
// another, of one size but for the last, which may be smaller, are one message: the
// kernel cuts it (UDP_SEGMENT).
type batch struct {
	socket   *Socket
	buf      []byte
	used     int
	messages []ipv4.Message
	controls [][]byte // a segment size for each message
	open     message
}

// message is the one that grows.
type message struct {
	way      *path // nil: none
	start    int
	segment  int // size of its packets; the last may be smaller
	segments int
	full     bool // has a smaller last one
}

func newBatch(s *Socket) *batch {
	b := &batch{socket: s, buf: make([]byte, batchBytes), controls: make([][]byte, batchMessages), messages: make([]ipv4.Message, 0, batchMessages)}
	for i := range batchMessages {
		b.controls[i] = newControl()
		b.messages = append(b.messages, ipv4.Message{Buffers: make([][]byte, 1)})
	}
	b.messages = b.messages[:0]
	return b
}

// begin says where the packets that follow go.
func (b *batch) begin(way *path) {
	b.seal()
	b.open = message{way: way, start: b.used}
}

// room is where the next packet is made: maxPacket bytes at least.
func (b *batch) room() []byte {
	if len(b.buf)-b.used < maxPacket || len(b.messages)+2 > batchMessages { // the one that grows, and one more
		way := b.open.way
		b.flush()
		b.open.way = way
	}
	return b.buf[b.used : b.used+maxPacket : b.used+maxPacket]
}

// commit takes the first n bytes of room as a packet.
func (b *batch) commit(n int) {
	o := &b.open
	fits := o.segments > 0 && !o.full && n <= o.segment && o.segments < maxSegments && o.segments*o.segment+n <= maxMessage
	if o.segments > 0 && (!fits || !b.socket.wire.segments()) {
		way := o.way
		b.seal()
		b.open = message{way: way, start: b.used}
	}
	if o.segments == 0 {
		o.segment = n
	}
	o.full = n < o.segment
	o.segments++
	b.used += n
}

// seal closes the message that grows.
func (b *batch) seal() {
	o := &b.open
	if o.segments > 0 {
		i := len(b.messages)
		b.messages = b.messages[:i+1]
		m := &b.messages[i]
		m.Buffers[0] = b.buf[o.start:b.used]
		m.Addr = o.way.udp
		m.OOB = nil
		if o.segments > 1 {
			m.OOB = control(b.controls[i], o.segment)
		}
	}
	*o = message{start: b.used}
}

// flush sends all.
func (b *batch) flush() {
	b.seal()
	if len(b.messages) > 0 {
		b.socket.wire.send(b.messages)
	}
	b.messages, b.used = b.messages[:0], 0
	b.open = message{}
}
