package bitstream

// bitReader reads a bit string from the most significant bit on. Reading past
// the end gives zeros and sets short.
type bitReader struct {
	buf   []byte
	pos   int // in bits
	short bool
}

func (r *bitReader) bit() uint64 {
	if r.pos>>3 >= len(r.buf) {
		r.short = true
		return 0
	}
	b := r.buf[r.pos>>3] >> (7 - r.pos&7) & 1
	r.pos++
	return uint64(b)
}

func (r *bitReader) flag() bool { return r.bit() == 1 }

// bits reads n <= 64 bits.
func (r *bitReader) bits(n int) uint64 {
	var v uint64
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// ue reads an unsigned Exp-Golomb code (ITU-T H.264 section 9.1).
func (r *bitReader) ue() uint64 {
	zeros := 0
	for r.bit() == 0 {
		zeros++
		if zeros > 32 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}
