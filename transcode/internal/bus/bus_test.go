package bus

import (
	"math"
	"testing"
)

// sine is sound of that peak and frequency, from sample number from on.
func sine(n, from int, peak, hz float64) []float32 {
	block := make([]float32, n*Channels)
	for i := range n {
		v := float32(peak * math.Sin(2*math.Pi*hz*float64(from+i)/Rate))
		block[2*i], block[2*i+1] = v, v
	}
	return block
}

func rms(block []float32) float64 {
	var m meter
	m.add(block)
	level, _ := m.level()
	return level
}

func TestLevel(t *testing.T) {
	var s Strip
	sum := make([]float32, 2*4800)
	s.Fade(0.1)
	s.Add(sum, sine(4800, 0, 1, 1000))
	if got, _ := s.Level(); math.Abs(got+3.01) > 0.01 {
		t.Errorf("a sine of full scale has %.2f dBFS", got)
	}
	if got := rms(sum); math.Abs(got+23.01) > 0.01 {
		t.Errorf("a tenth of it has %.2f dBFS", got)
	}
	if got, _ := s.Level(); got != Silence {
		t.Errorf("nothing has %.2f dBFS", got)
	}
}

// What is cut off is told from what is as loud as it gets.
func TestClipped(t *testing.T) {
	for _, c := range []struct {
		peak, hz    float64
		least, most float64
	}{
		{0.5, 1000, 0, 0}, {1, 1000, 0, 0}, {1, 440, 0, 0},
		{1.1, 1000, 0.2, 0.3}, // acos(1/1.1) of a quarter: 27 %
		{2, 100, 0.66, 0.68},
	} {
		var s Strip
		block := sine(4800, 0, c.peak, c.hz)
		for i := range block {
			block[i] = min(1, max(-1, block[i]))
		}
		s.Add(make([]float32, len(block)), block)
		if _, got := s.Level(); got < c.least || got > c.most {
			t.Errorf("a sine of %g and %g Hz: %.3f", c.peak, c.hz, got)
		}
		if _, got := s.Level(); got != 0 {
			t.Errorf("nothing: %.3f", got)
		}
	}
}

// No change of gain is faster than 10 ms.
func TestNoClicks(t *testing.T) {
	var s Strip
	ones := make([]float32, 2*960)
	for i := range ones {
		ones[i] = 1
	}
	var last float32 = 1
	for i, gain := range []float64{1, 0, 1, 4, 4, 4, 0.5} {
		s.Fade(gain)
		sum := make([]float32, len(ones))
		s.Add(sum, ones)
		for j := 0; j < len(sum); j += 2 {
			if d := math.Abs(float64(sum[j] - last)); d > 1.001/ramp || sum[j] != sum[j+1] {
				t.Fatalf("block %d, sample %d: from %v to %v", i, j/2, last, sum[j])
			}
			last = sum[j]
		}
	}
	if last < 1 {
		t.Errorf("the end is at %v", last)
	}
}

// A soft input and a loud one become alike, slowly, as far as the gain is bounded.
func TestLoudness(t *testing.T) {
	for _, c := range []struct{ peak, want float64 }{{0.05, -18}, {0.5, -18}, {0.01, -28.3}, {0.0001, -80}} {
		s := Strip{Normalize: true}
		var l loudness
		var heard float64
		most := 0.0
		for i := range 30 * 50 {
			sum := make([]float32, 2*960)
			block := sine(960, i*960, c.peak, 997)
			before := s.fader.levelled
			s.Add(sum, block)
			if before > 0 {
				most = max(most, math.Abs(20*math.Log10(s.fader.levelled/before)))
			}
			l.usual, l.counted, l.energy, l.n = 0, 0, 0, 0
			for j := 0; j < len(sum); j += 2 {
				for ch := range l.weighting {
					w := &l.weighting[ch]
					v := w.filter(float64(sum[j+ch]))
					l.energy += v * v
				}
			}
			heard = lufs(l.energy / 960)
		}
		if math.Abs(heard-c.want) > 0.5 {
			t.Errorf("a peak of %v becomes %.2f LUFS, want %v", c.peak, heard, c.want)
		}
		if most > slew+0.001 {
			t.Errorf("a peak of %v: %.2f dB in a block", c.peak, most)
		}
	}
}

// Pauses do not make an input louder.
func TestPauses(t *testing.T) {
	s := Strip{Normalize: true}
	sum := make([]float32, 2*960)
	for i := range 20 * 50 {
		s.Add(sum, sine(960, i*960, 0.1, 997))
	}
	before := s.fader.levelled
	for range 60 * 50 {
		s.Add(sum, sine(960, 0, 0.002, 997))
	}
	if after := s.fader.levelled; after != before {
		t.Errorf("a gain of %.2f became %.2f in a pause", before, after)
	}
}

// Nothing exceeds -1 dBFS, what is softer is not touched, and no step is heard.
func TestLimiter(t *testing.T) {
	var l Limiter
	ceiling := float32(math.Pow(10, -1/20.0)) + 1e-6
	before := sine(4800, 0, 0.5, 440)
	soft := append([]float32(nil), before...)
	l.Limit(soft)
	for i := 2 * Delay; i < len(soft); i++ {
		if d := soft[i] - before[i-2*Delay]; d > 1e-6 || d < -1e-6 {
			t.Fatalf("sample %d of what is soft is %v and was %v", i, soft[i], before[i-2*Delay])
		}
	}
	for n := range 50 {
		block := sine(960, n*960, 0.3+float64(n%7), 440+float64(n))
		block[n*10] = 9 // a click
		l.Limit(block)
		for i, v := range block {
			if v > ceiling || v < -ceiling {
				t.Fatalf("block %d, sample %d: %v", n, i, v)
			}
		}
	}
}

func BenchmarkMix(b *testing.B) {
	var strips [4]Strip
	for i := range strips {
		strips[i].Normalize = true
	}
	var l Limiter
	block, sum := sine(960, 0, 0.5, 440), make([]float32, 2*960)
	b.ReportAllocs()
	for b.Loop() {
		clear(sum)
		for i := range strips {
			strips[i].Add(sum, block)
		}
		l.Limit(sum)
	}
}
