package media

import (
	"math"
	"math/bits"
	"time"
)

// Ticks counts periods of a track's clock. What a tick is worth is said by the
// [Rate] of the [Track] that the value belongs to. Ticks are 64 bits wide and
// never wrap: whoever reads a shorter clock from the wire unwraps it first
// (package timeline).
type Ticks int64

// Rate is the frequency of a clock in Hz: ticks per second. Video tracks use
// [VideoRate]; audio tracks use their sampling rate, so that one tick is one
// sample of each channel. The zero Rate is invalid.
type Rate uint32

const (
	// VideoRate is the clock of every video track, 90 kHz (RFC 3551 section 4.1).
	VideoRate Rate = 90_000
	// OpusRate is the clock of every Opus track, 48 kHz (RFC 7587 section 4.1).
	OpusRate Rate = 48_000
	// MilliRate is the clock of RTMP and FLV timestamps, 1 kHz.
	MilliRate Rate = 1_000
)

// Duration is the time that t ticks of r last, rounded to the nearest
// nanosecond, halves away from zero. It saturates at the ends of
// [time.Duration] and is 0 for the zero Rate.
func (r Rate) Duration(t Ticks) time.Duration {
	return time.Duration(scale(int64(t), uint64(time.Second), uint64(r)))
}

// Ticks is the number of ticks of r that fit d, rounded to the nearest tick,
// halves away from zero. It saturates at the ends of the range.
func (r Rate) Ticks(d time.Duration) Ticks {
	return Ticks(scale(int64(d), uint64(r), uint64(time.Second)))
}

// Rescale converts t from one clock to another, rounded to the nearest tick,
// halves away from zero. It saturates at the ends of the range. Rescaling each
// timestamp keeps them exact to half a tick for ever; rescaling durations and
// adding them up does not.
func Rescale(t Ticks, from, to Rate) Ticks {
	if from == to {
		return t
	}
	return Ticks(scale(int64(t), uint64(to), uint64(from)))
}

// scale is v*mul/div over 128 bits, rounded to nearest, saturating.
func scale(v int64, mul, div uint64) int64 {
	if div == 0 {
		return 0
	}
	neg := v < 0
	u := uint64(v)
	if neg {
		u = -u
	}
	hi, lo := bits.Mul64(u, mul)
	lo, carry := bits.Add64(lo, div/2, 0)
	hi += carry
	if hi >= div {
		return limit(neg)
	}
	q, _ := bits.Div64(hi, lo, div)
	if q > math.MaxInt64 {
		return limit(neg)
	}
	if neg {
		return -int64(q)
	}
	return int64(q)
}

func limit(neg bool) int64 {
	if neg {
		return math.MinInt64
	}
	return math.MaxInt64
}
