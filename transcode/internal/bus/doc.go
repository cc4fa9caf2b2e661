// Package bus mixes sound as a mixing desk does: each input comes through a [Strip],
// which measures it, brings it to a common loudness if that is wanted, and applies its
// gain without clicks; the sum of all goes through a [Limiter].
//
// Sound is in blocks of samples at 48 kHz, of two channels one after the other (left,
// right, left, ...), where 1 is full scale. Nothing is allocated per block.
package bus

// What all sound is here.
const (
	Rate     = 48_000
	Channels = 2
)
