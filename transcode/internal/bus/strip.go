package bus

// ramp is how many samples a change of gain from 0 to 1 takes: 10 ms.
const ramp = Rate / 100

// Strip is one input. The zero Strip lets sound through as it is. It is for one
// goroutine.
type Strip struct {
	// Normalize brings the input slowly to a loudness of about -18 LUFS.
	Normalize bool

	fader    fader
	meter    meter
	loudness loudness
}

// Fade goes to a gain within 10 ms.
func (s *Strip) Fade(gain float64) { s.fader.to(gain) }

// Add adds a block of the input to a sum of the same length.
func (s *Strip) Add(sum, block []float32) {
	s.meter.add(block)
	even := 1.0
	if s.Normalize {
		even = s.loudness.gain(block)
	}
	s.fader.add(sum, block, even)
}

// Level is how loud the input was since Level was last called, before any gain: the RMS in
// dB below full scale, Silence at least; and the share of its samples that are cut off at
// full scale.
func (s *Strip) Level() (level, clipped float64) { return s.meter.level() }

// fader applies a gain that changes in steps too small to be heard.
type fader struct {
	begun       bool
	now, target float64
	levelled    float64 // the other gain, at the end of the last block
}

func (f *fader) to(gain float64) {
	if f.target = gain; !f.begun {
		f.now, f.begun = gain, true
	}
}

// add adds a block to a sum, with the fader's gain and another one that is reached at
// the end of the block.
func (f *fader) add(sum, block []float32, other float64) {
	if !f.begun {
		f.to(1)
	}
	if f.levelled == 0 {
		f.levelled = other
	}
	if f.now == f.target && f.levelled == other {
		gain := float32(f.now * other)
		for i, v := range block {
			sum[i] += v * gain
		}
		return
	}
	step := (other - f.levelled) / float64(len(block)/Channels)
	for i := 0; i+1 < len(block); i += Channels {
		f.now += min(1.0/ramp, max(-1.0/ramp, f.target-f.now))
		f.levelled += step
		gain := float32(f.now * f.levelled)
		sum[i] += block[i] * gain
		sum[i+1] += block[i+1] * gain
	}
	f.levelled = other
}
