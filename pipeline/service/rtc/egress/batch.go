package egress

import "weir/pipeline/service/rtc/udp"

const (
	// batchBytes is the size of a batch's buffer: large enough that the system call
	// is shared by many, small enough that it stays in the processor's cache.
	batchBytes = 192 << 10
	// batchMessages is the number of messages in a batch at most.
	batchMessages = 128
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
	messages []udp.Message
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
	return &batch{socket: s, buf: make([]byte, batchBytes), messages: make([]udp.Message, 0, batchMessages)}
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
	fits := o.segments > 0 && !o.full && n <= o.segment && o.segments < udp.MaxSegments && o.segments*o.segment+n <= maxMessage
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
		m := udp.Message{Data: b.buf[o.start:b.used], To: o.way.addr}
		if o.segments > 1 {
			m.Segment = o.segment
		}
		b.messages = append(b.messages, m)
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
