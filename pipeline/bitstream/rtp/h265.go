package rtp

// Payload types of RFC 7798 section 4.4. 0 to 47 are NAL units as they are.
const (
	h265AP = 48
	h265FU = 49
)

func h265Headers() nalHeaders {
	return nalHeaders{size: 2, aggregate: h265Aggregate, fragment: h265Fragment}
}

// h265Header is a NAL unit header (ITU-T H.265 section 7.3.1.2).
func h265Header(forbidden, kind, layer, tid byte) [2]byte {
	return [2]byte{forbidden&0x80 | kind<<1 | layer>>5, layer<<3 | tid}
}

func h265Kind(b []byte) byte  { return b[0] >> 1 & 0x3F }
func h265Layer(b []byte) byte { return b[0]&1<<5 | b[1]>>3 }

// h265Aggregate is the payload header of an AP: the lowest layer and temporal
// identifier of its NAL units (RFC 7798 section 4.4.2).
func h265Aggregate(nals [][]byte) [2]byte {
	forbidden, layer, tid := byte(0), byte(63), byte(7)
	for _, n := range nals {
		forbidden |= n[0]
		layer, tid = min(layer, h265Layer(n)), min(tid, n[1]&7)
	}
	return h265Header(forbidden, h265AP, layer, tid)
}

// h265Fragment is payload header and FU header of an FU (RFC 7798 section 4.4.3).
func h265Fragment(nal []byte) [3]byte {
	h := h265Header(nal[0], h265FU, h265Layer(nal), nal[1]&7)
	return [3]byte{h[0], h[1], h265Kind(nal)}
}

func h265Plain(nal []byte) bool { return h265Kind(nal) < h265AP }

func unpackH265(a *assembly, b []byte) error {
	if len(b) < 3 {
		return malformed("H.265 packet of %d bytes", len(b))
	}
	switch k := h265Kind(b); {
	case h265Plain(b):
		return a.whole(b)
	case k == h265AP:
		return h265Headers().unpackAggregate(a, b[2:], h265Plain)
	case k == h265FU:
		if len(b) < 4 || b[2]&0x3F >= h265AP {
			return malformed("FU of %d bytes and type %d", len(b), b[2]&0x3F)
		}
		header := h265Header(b[0], b[2]&0x3F, h265Layer(b), b[1]&7)
		return unpackFragment(a, header[:], b[2], b[3:])
	default:
		return malformed("packet type %d", k)
	}
}

func peekH265(b []byte) Mark {
	if len(b) < 3 {
		return unknown()
	}
	switch h265Kind(b) {
	case h265AP:
		m, first := unknown(), true
		eachAggregated(b[2:], func(nal []byte) {
			if len(nal) < 2 {
				return
			}
			n := peekH265NAL(h265Kind(nal), nal[1], nal[2:])
			if first {
				m.Start, first = n.Start, false
			}
			m.merge(n)
		})
		return m
	case h265FU:
		m := peekH265NAL(b[2]&0x3F, b[1], b[3:])
		if b[2]&fuStart == 0 {
			m.Key, m.Start = false, false
		}
		return m
	default:
		return peekH265NAL(h265Kind(b), b[1], b[2:])
	}
}

// peekH265NAL reads a NAL unit by its type, the second byte of its header and the
// bytes that follow (ITU-T H.265 table 7-1).
func peekH265NAL(kind, second byte, rest []byte) Mark {
	m := unknown()
	m.Temporal = int8(second&7) - 1
	switch {
	case kind <= 31: // slices: first_slice_segment_in_pic_flag
		m.Start = len(rest) > 0 && rest[0]&0x80 != 0
		m.Key = m.Start && kind >= 16 && kind <= 21
	case kind == 32, kind == 33:
		m.Start, m.Key = true, true
	case kind == 34, kind == 35, kind == 39, kind >= 41 && kind < 45: // PPS, delimiter, prefix SEI, reserved
		m.Start = true
	}
	return m
}
