package egress

import (
	"encoding/binary"
	"time"

	"weir/pipeline/media"
)

// writer writes packets to one session.
type writer struct {
	sender  *Sender
	session *Session
	way     *path
	now     time.Duration
	batch   *batch

	packets, bytes, dropped uint64
}

// media sends u on st for the first time.
func (w *writer) media(st *Stream, u *media.Unit) {
	if u.RTP == nil || len(u.RTP.Payload) > maxPayload {
		w.dropped++
		return
	}
	index, ok := st.next(u)
	if !ok {
		return
	}
	h := w.header(st, u, index)
	n := w.write(st, u, &h)
	st.packets++
	st.octets += uint32(len(u.RTP.Payload))
	w.session.log.add(sent{at: w.now, index: index, timestamp: h.timestamp, size: uint16(n), stream: st.number})
}

// again sends u, which went out under index, on the retransmission stream (RFC 4588
// section 4) and returns the size.
func (w *writer) again(st *Stream, u *media.Unit, index uint64) int {
	st.rtxIndex++
	h := w.header(st, u, st.rtxIndex)
	h.payloadType, h.ssrc = st.params.RTXPayloadType, st.params.RTXSSRC
	h.rtx, h.original = true, uint16(index)
	n := w.write(st, u, &h)
	w.session.log.add(sent{at: w.now, index: h.index, timestamp: h.timestamp, size: uint16(n), stream: st.number, again: true})
	return n
}

// repeat sends u as it was, bit by bit: another header or payload under the same
// index would give away what AES-GCM keeps secret. It returns the size, 0 if the
// packet as it was is not known any more.
func (w *writer) repeat(st *Stream, u *media.Unit, index uint64) int {
	number, e := w.session.log.original(st.number, index)
	if e == nil || e.timestamp != st.timestamp(u) || index < st.changed {
		return 0
	}
	h := w.header(st, u, index)
	h.transport = number
	if h.size(&st.params.Extensions)+len(u.RTP.Payload)+w.session.sealer.tag() != int(e.size) {
		return 0
	}
	return w.write(st, u, &h)
}

func (w *writer) header(st *Stream, u *media.Unit, index uint64) header {
	return header{
		payloadType: st.params.PayloadType, marker: u.RTP.Marker, ssrc: st.params.SSRC, index: index,
		timestamp: st.timestamp(u), transport: w.session.log.next, capture: st.capture(u),
	}
}

// write seals a packet straight into its place in the batch, and returns its size.
func (w *writer) write(st *Stream, u *media.Unit, h *header) int {
	buf := w.place()
	n := h.write(buf, &st.params.Extensions)
	payload := u.RTP.Payload
	if h.rtx {
		binary.BigEndian.PutUint16(buf[n:], h.original)
		payload = buf[n : n+2+copy(buf[n+2:], payload)]
	}
	packet := w.session.sealer.seal(buf[:n], payload, h.ssrc, h.index)
	w.commit(packet)
	return len(packet)
}

// place is where the next packet is made: maxPacket bytes.
func (w *writer) place() []byte {
	if w.way.link != nil {
		return w.sender.scratch[:]
	}
	if w.batch == nil {
		w.batch = w.sender.batchFor(w.way.socket)
		w.batch.begin(w.way)
	}
	return w.batch.room()
}

// commit sends what place has been filled with.
func (w *writer) commit(packet []byte) {
	if w.way.link == nil {
		w.batch.commit(len(packet))
	} else if !w.way.link.push(packet) {
		w.dropped++
		return
	}
	w.packets++
	w.bytes += uint64(len(packet))
}

// done counts.
func (w *writer) done() {
	c := &w.session.counted
	if c.packets.Add(w.packets) == w.packets && w.packets > 0 {
		w.session.engine.joins.add(w.session.engine.now() - w.session.opened)
	}
	c.bytes.Add(w.bytes)
	if w.dropped > 0 {
		c.dropped.Add(w.dropped)
	}
}
