package rtp

import (
	"encoding/binary"

	"weir/pipeline/media"
)

// nalHeaders are what tells the payload formats of H.264 and H.265 apart: the
// length of a NAL unit's header, which is also that of the payload header of
// aggregation packets and fragmentation units, and how those are made.
type nalHeaders struct {
	size      int
	aggregate func(nals [][]byte) [2]byte
	// fragment is what stands before the fragments of a NAL unit: the payload header
	// and, without its start and end bits, the FU header, size+1 bytes in all.
	fragment func(nal []byte) [3]byte
}

// The first and the last fragment of a NAL unit, in its FU header.
const (
	fuStart = 0x80
	fuEnd   = 0x40
)

// pack lays NAL units into packets: neighbours that fit together into an
// aggregation packet, those that are too long into fragments that fill their
// packets, the last one excepted (which UDP segmentation offload wants).
func (h nalHeaders) pack(w *writer, nals [][]byte) {
	w.bound = 0
	for _, n := range nals {
		w.bound += len(n) + 2 + h.size + (len(n)/(w.mtu-h.size-1)+1)*(h.size+1)
	}
	for len(nals) > 0 {
		n := h.fitting(nals, w.mtu)
		switch {
		case len(nals[0]) <= h.size: // no NAL unit; the normal form has none
		case n > 1:
			head := h.aggregate(nals[:n])
			w.begin(head[:h.size]...)
			for _, nal := range nals[:n] {
				w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(len(nal)))
				w.add(nal)
			}
			w.end()
		case len(nals[0]) <= w.mtu:
			w.whole(nals[0])
		default:
			h.fragments(w, nals[0])
		}
		nals = nals[n:]
	}
}

// fitting is how many of the NAL units go into one packet, at least one.
func (h nalHeaders) fitting(nals [][]byte, mtu int) int {
	size := h.size
	for i, n := range nals {
		if size += 2 + len(n); size > mtu || len(n) <= h.size {
			return max(1, i)
		}
	}
	return len(nals)
}

func (h nalHeaders) fragments(w *writer, nal []byte) {
	head := h.fragment(nal)
	rest, room, start := nal[h.size:], w.mtu-h.size-1, byte(fuStart)
	for len(rest) > 0 {
		n := min(room, len(rest))
		w.begin(head[:h.size+1]...)
		w.buf[len(w.buf)-1] |= start
		if n == len(rest) {
			w.buf[len(w.buf)-1] |= fuEnd
		}
		w.add(rest[:n])
		w.end()
		rest, start = rest[n:], 0
	}
}

// unpackAggregate adds the NAL units of an aggregation packet, whose payload header
// has been cut off.
func (h nalHeaders) unpackAggregate(a *assembly, b []byte, plain func(nal []byte) bool) error {
	for len(b) > 0 {
		if len(b) < 2 {
			return malformed("aggregation packet: cut off")
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; n > len(b) {
			return malformed("aggregation packet: NAL unit of %d bytes where %d remain", n, len(b))
		}
		if n < h.size || !plain(b) {
			return malformed("aggregation packet: no NAL unit in it")
		}
		if err := a.whole(b[:n:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// unpackFragment adds a fragment: what follows its FU header fu, the header being
// that of the NAL unit it belongs to.
func unpackFragment(a *assembly, header []byte, fu byte, b []byte) error {
	var err error
	if fu&fuStart != 0 {
		err = a.begin(header, b)
	} else {
		err = a.add(b)
	}
	if fu&fuEnd != 0 {
		a.end()
	}
	return err
}

// eachAggregated calls see with the NAL units of an aggregation packet, as far as
// they are there.
func eachAggregated(b []byte, see func(nal []byte)) {
	for len(b) > 2 {
		n := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		if n == 0 || n > len(b) {
			return
		}
		see(b[:n])
		b = b[n:]
	}
}

// merge adds what one NAL unit tells to what its packet told before.
func (m *Mark) merge(n Mark) {
	m.Key = m.Key || n.Key
	m.Temporal = max(m.Temporal, n.Temporal)
	m.Spatial = max(m.Spatial, n.Spatial)
}

func packH264(w *writer, nals [][]byte, _ media.Flags) { h264Headers().pack(w, nals) }
func packH265(w *writer, nals [][]byte, _ media.Flags) { h265Headers().pack(w, nals) }
