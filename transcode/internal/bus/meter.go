package bus

import "math"

// Silence is the level of silence, in dB below full scale.
const Silence = -100

// meter measures the RMS of what is added to it.
type meter struct {
	energy  float64
	n       int
	clipped int           // samples that were cut off
	run     [Channels]int // how many samples of a channel, up to now, are at full scale
}

const (
	// full is where sound is cut off.
	full = 0.9999
	// flat is how many samples in a row are no peak, but one that was cut off.
	flat = 3
)

func (m *meter) add(block []float32) {
	sum := float32(0)
	for i, v := range block {
		sum += v * v
		run := &m.run[i%Channels]
		if v < full && v > -full {
			*run = 0
			continue
		}
		if *run++; *run == flat {
			m.clipped += flat
		} else if *run > flat {
			m.clipped++
		}
	}
	m.energy += float64(sum)
	m.n += len(block)
}

// level is that of all since it was last called, and the share of it that was cut off.
func (m *meter) level() (level, clipped float64) {
	n := float64(max(1, m.n))
	level, clipped = decibels(m.energy/n), float64(m.clipped)/n
	*m = meter{run: m.run}
	return level, clipped
}

// decibels is that of a mean square.
func decibels(square float64) float64 {
	if !(square > 1e-10) {
		return Silence
	}
	return 10 * math.Log10(square)
}
