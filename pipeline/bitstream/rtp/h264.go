package rtp

// Payload types of RFC 6184 table 1. 1 to 23 are NAL units as they are.
const (
	h264STAPA = 24
	h264FUA   = 28
)

func h264Headers() nalHeaders {
	return nalHeaders{size: 1, aggregate: h264Aggregate, fragment: h264Fragment}
}

// h264Aggregate is the header of a STAP-A: the highest nal_ref_idc of its NAL units
// (RFC 6184 section 5.7).
func h264Aggregate(nals [][]byte) [2]byte {
	var forbidden, ref byte
	for _, n := range nals {
		forbidden |= n[0] & 0x80
		ref = max(ref, n[0]&0x60)
	}
	return [2]byte{forbidden | ref | h264STAPA}
}

// h264Fragment is FU indicator and FU header of an FU-A (RFC 6184 section 5.8).
func h264Fragment(nal []byte) [3]byte {
	return [3]byte{nal[0]&0xE0 | h264FUA, nal[0] & 0x1F}
}

func h264Plain(nal []byte) bool {
	t := nal[0] & 0x1F
	return t > 0 && t < h264STAPA
}

func unpackH264(a *assembly, b []byte) error {
	switch t := b[0] & 0x1F; {
	case h264Plain(b):
		return a.whole(b)
	case t == h264STAPA:
		return h264Headers().unpackAggregate(a, b[1:], h264Plain)
	case t == h264FUA:
		if len(b) < 3 {
			return malformed("FU-A of %d bytes", len(b))
		}
		header := [1]byte{b[0]&0xE0 | b[1]&0x1F}
		if !h264Plain(header[:]) {
			return malformed("FU-A of type %d", b[1]&0x1F)
		}
		return unpackFragment(a, header[:], b[1], b[2:])
	default:
		return malformed("packet type %d, which packetization-mode 1 does not have", t)
	}
}

func peekH264(b []byte) Mark {
	switch b[0] & 0x1F {
	case h264STAPA:
		m, first := unknown(), true
		eachAggregated(b[1:], func(nal []byte) {
			n := peekH264NAL(nal[0], nal[1:])
			if first {
				m.Start, first = n.Start, false
			}
			m.Droppable = m.Droppable || n.Droppable
			m.merge(n)
		})
		m.Droppable = m.Droppable && !m.Key && b[0]&0x60 == 0
		return m
	case h264FUA:
		if len(b) < 2 {
			return unknown()
		}
		m := peekH264NAL(b[0]&0xE0|b[1]&0x1F, b[2:])
		if b[1]&fuStart == 0 {
			m.Key, m.Start = false, false
		}
		return m
	default:
		return peekH264NAL(b[0], b[1:])
	}
}

// peekH264NAL reads a NAL unit by its header and the bytes that follow (ITU-T H.264
// table 7-1).
func peekH264NAL(header byte, rest []byte) Mark {
	m := unknown()
	// A slice header starts with first_mb_in_slice, where one bit is the code of 0.
	first := len(rest) > 0 && rest[0]&0x80 != 0
	switch header & 0x1F {
	case 1, 2:
		m.Start, m.Droppable = first, header&0x60 == 0
	case 3, 4: // data partitions B and C
	case 5:
		m.Start, m.Key = first, first
	case 7:
		m.Start, m.Key = true, true
	case 0, 10, 11, 12: // end of sequence, of stream, filler
	default:
		m.Start = header&0x1F < h264STAPA
	}
	return m
}
