package bitstream

import "bytes"

// SplitAnnexB is the NAL units of a byte stream, as slices of it, without start
// codes and trailing zeros (ITU-T H.264 annex B). Empty ones are left out, and
// bytes before the first start code are an error.
func SplitAnnexB(stream []byte) ([][]byte, error) {
	if len(stream) > MaxUnit {
		return nil, malformed("access unit of %d bytes", len(stream))
	}
	start, rest := nextStart(stream)
	if start > 0 && len(bytes.TrimRight(stream[:start], "\x00")) > 0 {
		return nil, malformed("byte stream: no start code at its beginning")
	}
	var nals [][]byte
	for rest != nil {
		end, next := nextStart(rest)
		// The zeros before a start code, and those at the very end, are padding:
		// no NAL unit ends in a zero byte.
		nal := bytes.TrimRight(rest[:end:end], "\x00")
		if len(nal) > 0 {
			if len(nals) == MaxNALs {
				return nil, malformed("access unit of more than %d NAL units", MaxNALs)
			}
			nals = append(nals, nal)
		}
		rest = next
	}
	return nals, nil
}

// nextStart is where the next start code begins in b and what follows it, or the
// length of b and nil.
func nextStart(b []byte) (int, []byte) {
	i := bytes.Index(b, []byte{0, 0, 1})
	if i < 0 {
		return len(b), nil
	}
	return i, b[i+3:]
}

// JoinAnnexB is the NAL units in one buffer, each after a 4 byte start code.
func JoinAnnexB(nals [][]byte) []byte {
	size := 0
	for _, n := range nals {
		size += 4 + len(n)
	}
	b := make([]byte, 0, size)
	for _, n := range nals {
		b = append(b, 0, 0, 0, 1)
		b = append(b, n...)
	}
	return b
}
