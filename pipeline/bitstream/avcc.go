package bitstream

import (
	"encoding/binary"
	"slices"
)

// splitLengthPrefixed takes a payload apart whose NAL units have a big endian
// length of p.lengthSize bytes before each (ISO/IEC 14496-15 section 5.3.4.2).
func splitLengthPrefixed(p *Params, payload []byte) (AU, error) {
	n, err := countLengthPrefixed(payload, p.lengthSize)
	if err != nil {
		return AU{}, err
	}
	nals := make([][]byte, 0, n)
	for len(payload) > 0 {
		var size int
		size, payload = takeLength(payload, p.lengthSize)
		if size > 0 {
			nals = append(nals, payload[:size:size])
		}
		payload = payload[size:]
	}
	return normalNALs(p, nals)
}

// countLengthPrefixed is the number of NAL units that are not empty, once the
// whole payload has proved well formed.
func countLengthPrefixed(payload []byte, lengthSize int) (int, error) {
	n := 0
	for at := 0; at < len(payload); {
		if len(payload)-at < lengthSize {
			return 0, malformed("access unit: cut off inside a NAL unit length")
		}
		size, rest := takeLength(payload[at:], lengthSize)
		if size > len(rest) {
			return 0, malformed("access unit: NAL unit of %d bytes where %d remain", size, len(rest))
		}
		at += lengthSize + size
		if size > 0 {
			n++
		}
		if n > MaxNALs {
			return 0, malformed("access unit of more than %d NAL units", MaxNALs)
		}
	}
	return n, nil
}

// takeLength reads one length of size bytes. The caller made sure that it is there.
func takeLength(b []byte, size int) (int, []byte) {
	var n uint32
	for _, c := range b[:size] {
		n = n<<8 | uint32(c)
	}
	return int(n), b[size:]
}

// JoinAVCC is the NAL units in one buffer, each after its length in 4 bytes.
func JoinAVCC(nals [][]byte) []byte { return appendAVCC(nil, nals) }

func appendAVCC(dst []byte, nals [][]byte) []byte {
	size := 0
	for _, n := range nals {
		size += 4 + len(n)
	}
	dst = slices.Grow(dst, size)
	for _, n := range nals {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(n)))
		dst = append(dst, n...)
	}
	return dst
}
