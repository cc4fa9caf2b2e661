package timeline

// Unwrapper widens a clock of a few bits to 64. Each value is taken to be the
// one nearest to its predecessor, so that both directions may be crossed at a
// wrap and values may arrive out of order, as long as neighbours are less than
// half of the clock's range apart. The first value stays as it is.
//
// The clocks: RTMP 32 bits of 1 ms, RTP 32 bits (RFC 3550 section 5.1), MPEG-TS
// 33 bits of 90 kHz, and 24 bits for RTMP peers that never send an extended
// timestamp.
type Unwrapper struct {
	spare   uint8 // bits of 64 that the wire does not carry
	started bool
	last    int64
}

// NewUnwrapper makes an Unwrapper for a clock of 1 to 64 bits.
func NewUnwrapper(bits uint8) Unwrapper {
	return Unwrapper{spare: 64 - min(max(bits, 1), 64)}
}

// Unwrap is the next value, of which the lower bits of wire are known. A clock
// that runs backwards through its zero gives negative values.
func (u *Unwrapper) Unwrap(wire uint64) int64 {
	if !u.started {
		u.started = true
		u.last = int64(wire << u.spare >> u.spare)
		return u.last
	}
	u.last += int64((wire-uint64(u.last))<<u.spare) >> u.spare
	return u.last
}
