package bus

import "math"

// Silence is the level of silence, in dB below full scale.
const Silence = -100

// meter measures the RMS of what is added to it.
type meter struct {
	energy float64
	n      int
}

func (m *meter) add(block []float32) {
	sum := float32(0)
	for _, v := range block {
		sum += v * v
	}
	m.energy += float64(sum)
	m.n += len(block)
}

// level is that of all since it was last called.
func (m *meter) level() float64 {
	level := decibels(m.energy / float64(max(1, m.n)))
	*m = meter{}
	return level
}

// decibels is that of a mean square.
func decibels(square float64) float64 {
	if !(square > 1e-10) {
		return Silence
	}
	return 10 * math.Log10(square)
}
