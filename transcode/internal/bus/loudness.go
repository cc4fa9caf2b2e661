package bus

import "math"

const (
	// target is the loudness that inputs are brought to, in LUFS.
	target = -18
	// mostGain is how much an input is made louder or softer at most, in dB.
	mostGain = 12
	// gate is the loudness below which an input says nothing about itself, in LUFS,
	// and relativeGate the same below what it usually is.
	gate         = -50
	relativeGate = 10
	// memory is how many blocks of 100 ms count for how loud an input usually is.
	memory = 100
	// slew is how fast the gain changes, in dB for each 100 ms.
	slew = 0.2
)

// loudness measures how loud an input usually is, as it is heard (ITU-R BS.1770-4), and
// what gain brings it to target.
type loudness struct {
	weighting [Channels]weighting
	energy    float64 // of the block of 100 ms that is being heard
	n         int
	usual     float64 // mean square of the blocks that counted
	counted   float64 // how many, memory at most
	decibels  float64 // the gain
}

// gain hears a block and is the factor that it should have.
func (l *loudness) gain(block []float32) float64 {
	for i := 0; i+1 < len(block); i += Channels {
		for c := range l.weighting {
			w := &l.weighting[c]
			v := w.filter(float64(block[i+c]))
			l.energy += v * v
		}
	}
	if l.n += len(block) / Channels; l.n >= Rate/10 {
		l.count(l.energy / float64(l.n))
		l.energy, l.n = 0, 0
	}
	return math.Pow(10, l.decibels/20)
}

// count takes the mean square of a block of 100 ms into account.
func (l *loudness) count(square float64) {
	heard := lufs(square)
	if heard < gate || l.counted > 0 && heard < lufs(l.usual)-relativeGate {
		return
	}
	l.counted = min(memory, l.counted+1)
	l.usual += (square - l.usual) / l.counted
	want := min(mostGain, max(-mostGain, target-lufs(l.usual)))
	l.decibels += min(slew, max(-slew, want-l.decibels))
}

func lufs(square float64) float64 { return -0.691 + decibels(square) }

// weighting makes of sound what is heard of it: the two filters of BS.1770-4 for
// 48 kHz, tables 1 and 2.
type weighting struct{ shelf, highPass biquad }

func (w *weighting) filter(x float64) float64 {
	x = w.shelf.filter(x, 1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585)
	return w.highPass.filter(x, 1, -2, 1, -1.99004745483398, 0.99007225036621)
}

// biquad is a filter of second order.
type biquad struct{ x1, x2, y1, y2 float64 }

func (b *biquad) filter(x, b0, b1, b2, a1, a2 float64) float64 {
	y := b0*x + b1*b.x1 + b2*b.x2 - a1*b.y1 - a2*b.y2
	if y < 1e-30 && y > -1e-30 {
		y = 0 // numbers that are too small are slow
	}
	b.x2, b.x1, b.y2, b.y1 = b.x1, x, b.y1, y
	return y
}
