package rtp

import (
	"cmp"
	"math/bits"

	"weir/pipeline/media"
)

// The aggregation header (RTP Payload Format For AV1, section 4.4).
const (
	av1Continues = 0x80 // Z: the first OBU element continues one
	av1Goes      = 0x40 // Y: the last one goes on in the next packet
	av1New       = 0x08 // N: a coded video sequence begins
	// The number W of elements, of which the last then needs no length.
	av1CountShift = 4
	av1MaxCount   = 3
)

// minElement is the least part of an OBU, in bytes, that is worth to be put at the
// end of a packet.
const minElement = 32

// elements are the OBU elements of a packet that is being filled.
type elements struct {
	list  [av1MaxCount][]byte
	n     int
	head  byte
	layer int // of the OBUs that tell; 0 while none does
}

// takes says whether o may go into the packet, as far as layers are concerned: all
// OBUs with an extension header must have the same (section 5).
func (e *elements) takes(o []byte) bool {
	layer := obuLayer(o)
	return e.layer == 0 || layer == 0 || layer == e.layer
}

// room is how many bytes of another element fit.
func (e *elements) room(mtu int) int {
	free := mtu - 1
	for _, o := range e.list[:e.n] {
		free -= len(o) + leb128Width(len(o))
	}
	return free
}

func (e *elements) flush(w *writer, goes bool) {
	e.head |= byte(e.n) << av1CountShift
	if goes {
		e.head |= av1Goes
	}
	w.begin(e.head)
	for i, o := range e.list[:e.n] {
		if i < e.n-1 {
			w.buf = appendLEB128(w.buf, len(o))
		}
		w.add(o)
	}
	w.end()
	*e = elements{}
	if goes {
		e.head = av1Continues
	}
}

// packAV1 lays OBUs into packets of at most three elements.
func packAV1(w *writer, obus [][]byte, flags media.Flags) {
	n := total(obus)
	// A packet has at most a header and two lengths beside elements, and may lack
	// minElement bytes at its end.
	w.bound = n + (n/(w.mtu-minElement-8)+len(obus)+1)*7
	var e elements
	if flags.Has(media.Key) {
		e.head = av1New
	}
	for _, o := range obus {
		e.add(w, o)
	}
	if e.n > 0 {
		e.flush(w, false)
	}
}

// add puts an OBU behind the others, or into as many packets as it takes.
func (e *elements) add(w *writer, o []byte) {
	if e.n > 0 && !e.takes(o) {
		e.flush(w, false)
	}
	layer := cmp.Or(obuLayer(o), e.layer)
	for len(o) > 0 {
		room := e.room(w.mtu)
		if e.n == av1MaxCount || e.n > 0 && room < min(len(o), minElement) {
			e.flush(w, false)
			continue
		}
		k := min(room, len(o))
		e.list[e.n], e.layer = o[:k], layer
		e.n++
		if o = o[k:]; len(o) > 0 {
			e.flush(w, true)
		}
	}
}

// unpackAV1 adds the OBU elements of a packet (section 4.3).
func unpackAV1(a *assembly, b []byte) error {
	head, rest := b[0], b[1:]
	count := int(head >> av1CountShift & 3)
	if len(rest) == 0 {
		return malformed("AV1 packet: no OBU in it")
	}
	if a.open != (head&av1Continues != 0) {
		return malformed("AV1 packet: does not go on where the last one ended")
	}
	for i := 1; len(rest) > 0; i++ {
		element := rest
		if i == count {
			rest = nil
		} else {
			n, width, ok := leb128(rest)
			if !ok || n > len(rest)-width || n == 0 {
				return malformed("AV1 packet: element of %d bytes where %d remain", n, len(rest))
			}
			element, rest = rest[width:width+n:width+n], rest[width+n:]
			if len(rest) == 0 && i < count {
				return malformed("AV1 packet: %d elements where %d are announced", i, count)
			}
		}
		if err := unpackElement(a, element); err != nil {
			return err
		}
		if len(rest) > 0 || head&av1Goes == 0 {
			a.end()
		}
	}
	return nil
}

// unpackElement adds an element. An OBU should have no size field here (section 5);
// where it has one, that goes, since the element has a length of its own.
func unpackElement(a *assembly, b []byte) error {
	if a.open {
		return a.add(b)
	}
	if b[0]&2 == 0 {
		return a.begin(nil, b)
	}
	header := obuHeader(b)
	if header > len(b) {
		return malformed("OBU: its header is cut off")
	}
	_, width, ok := leb128(b[header:])
	if !ok {
		return malformed("OBU: its size is cut off")
	}
	head := [2]byte{b[0] &^ 2}
	copy(head[1:], b[1:header])
	return a.begin(head[:header], b[header+width:])
}

func peekAV1(b []byte) Mark {
	m := unknown()
	head, rest := b[0], b[1:]
	if head&av1Continues != 0 {
		return m
	}
	if head>>av1CountShift&3 != 1 {
		_, width, _ := leb128(rest)
		rest = rest[width:]
	}
	if len(rest) == 0 {
		return m
	}
	const sequence, delimiter, frameHeader, metadata, frame = 1, 2, 3, 5, 6
	switch rest[0] >> 3 & 0xF {
	case sequence:
		m.Start, m.Key = true, true
	case delimiter, frameHeader, metadata, frame:
		m.Start, m.Key = true, head&av1New != 0
	}
	if obuHeader(rest) == 2 && len(rest) > 1 {
		m.Temporal, m.Spatial = int8(rest[1]>>5), int8(rest[1]>>3&3)
	}
	return m
}

// obuHeader is the length of an OBU's header without its size field (AV1 section
// 5.3.2).
func obuHeader(obu []byte) int {
	if obu[0]&4 != 0 {
		return 2
	}
	return 1
}

// obuLayer is the extension header of an OBU, 0 if it has none, so that layer 0 is not
// 0.
func obuLayer(obu []byte) int {
	if len(obu) < 2 || obuHeader(obu) == 1 {
		return 0
	}
	return 1<<8 | int(obu[1])
}

// leb128 reads a number of at most 32 bits (AV1 section 4.10.5) and the bytes that
// it takes.
func leb128(b []byte) (value, width int, ok bool) {
	for i := range min(8, len(b)) {
		value |= int(b[i]&0x7F) << (7 * i)
		if b[i]&0x80 == 0 {
			return value, i + 1, value <= 1<<32-1
		}
	}
	return 0, 0, false
}

func leb128Width(n int) int { return max(1, (bits.Len(uint(n))+6)/7) }

func appendLEB128(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
