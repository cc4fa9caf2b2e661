package bus

import "math"

const (
	// Delay is by how many samples what comes out of a Limiter is later than what went
	// in: it looks 5 ms ahead.
	Delay = Rate / 200
	// ceilingDB is what no sample exceeds, in dB below full scale.
	ceilingDB = -1
	// release is how long the gain takes to come most of the way back, in samples.
	release = Rate / 5
)

// Limiter keeps peaks below -1 dBFS: it is softer before they come, and for a while
// after. The zero Limiter is ready.
type Limiter struct {
	sound [Delay * Channels]float32
	peaks peaks
	at    int
	gain  float64 // less than 1 by as much as is taken away
	held  [Delay]float64
	sum   float64
	begun bool
}

// Limit takes a block and leaves in its place what went in Delay samples before.
func (l *Limiter) Limit(block []float32) {
	if !l.begun {
		l.begun, l.gain, l.sum = true, 1, Delay
		for i := range l.held {
			l.held[i] = 1
		}
	}
	ceiling := math.Pow(10, ceilingDB/20.0)
	for i := 0; i+1 < len(block); i += Channels {
		peak := float64(max(block[i], -block[i], block[i+1], -block[i+1]))
		l.peaks.add(peak)
		want := 1.0
		if p := l.peaks.most(); p > ceiling {
			want = ceiling / p
		}
		// Down at once and up slowly; the mean over the delay makes it smooth, and is
		// down when the peak comes out.
		if want < l.gain {
			l.gain = want
		} else {
			l.gain += (want - l.gain) / release
		}
		l.sum += l.gain - l.held[l.at]
		l.held[l.at] = l.gain
		gain := float32(min(1, l.sum/Delay))
		s := l.sound[l.at*Channels:][:Channels]
		for c := range s {
			s[c], block[i+c] = block[i+c], s[c]*gain
		}
		if l.at++; l.at == Delay {
			l.at = 0
			l.sum = 0 // no error adds up
			for _, g := range l.held {
				l.sum += g
			}
		}
	}
}

// peaks is the greatest of the last Delay+1 values.
type peaks struct {
	values [Delay + 2]float64 // falling, those that can still become the greatest
	times  [Delay + 2]int
	first  int
	n      int
	now    int
}

func (p *peaks) add(v float64) {
	size := len(p.values)
	for p.n > 0 && p.values[(p.first+p.n-1)%size] <= v {
		p.n--
	}
	i := (p.first + p.n) % size
	p.values[i], p.times[i] = v, p.now
	p.n++
	if p.times[p.first] < p.now-Delay {
		p.first = (p.first + 1) % size
		p.n--
	}
	p.now++
}

func (p *peaks) most() float64 { return p.values[p.first] }
