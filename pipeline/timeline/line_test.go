package timeline

import (
	"testing"
	"time"

	"weir/pipeline/media"
)

// peer sends 25 pictures of 90 kHz and 1024-sample units of sound a second, stamped
// by a clock of 1 ms that wraps at 2^32, and checks what comes out.
type peer struct {
	t     *testing.T
	line  *Line
	clock func(time.Duration) int64 // time of sending to wire time
	wrap  Unwrapper
	now   time.Time

	video, audio         *Track
	rate                 media.Rate
	speed                float64 // sampling clock over wire clock
	pictures, units      int64
	lastVideo, lastAudio media.Ticks
	flags                int           // units with Discontinuity or Gap
	skew                 time.Duration // the largest in the last run, of sound against picture
}

func newPeer(t *testing.T, rate media.Rate, clock func(time.Duration) int64) *peer {
	t.Helper()
	p := &peer{
		t: t, clock: clock, wrap: NewUnwrapper(32), rate: rate, speed: 1,
		now: time.Unix(1_700_000_000, 0),
	}
	p.line = NewLine(media.MilliRate, p.now.Add(-lead))
	p.video, p.audio = p.line.Track(media.VideoRate), p.line.Track(rate)
	return p
}

// run sends units until the time of sending is d.
func (p *peer) run(d time.Duration) {
	p.t.Helper()
	p.skew = 0
	for {
		v := time.Duration(p.pictures) * 40 * time.Millisecond
		a := time.Duration(float64(p.rate.Duration(media.Ticks(p.units*1024))) / p.speed)
		if min(v, a) >= d {
			return
		}
		if v <= a {
			p.lastVideo = p.send(p.video, v, 0, p.lastVideo)
			p.pictures++
			continue
		}
		p.lastAudio = p.send(p.audio, a, 1024, p.lastAudio)
		p.units++
		off := p.rate.Duration(p.lastAudio) - media.VideoRate.Duration(p.lastVideo)
		off -= a - (v - 40*time.Millisecond)
		p.skew = max(p.skew, off.Abs())
	}
}

func (p *peer) send(t *Track, at time.Duration, samples, last media.Ticks) media.Ticks {
	p.t.Helper()
	got := t.Place(Stamp{
		Wire:    p.wrap.Unwrap(uint64(p.clock(at))),
		Samples: samples, Arrived: p.now.Add(at),
	})
	if got.DTS <= last || got.PTS < got.DTS {
		p.t.Fatalf("at %v: DTS %d after %d, PTS %d", at, got.DTS, last, got.PTS)
	}
	if last != 0 && samples > 0 && got.Flags == 0 && got.DTS-last-samples > samples/256 {
		p.t.Fatalf("at %v: silent gap of %d samples", at, got.DTS-last-samples)
	}
	if got.Flags != 0 {
		p.flags++
	}
	return got.DTS
}

func ms(d time.Duration) int64 { return int64(d.Round(time.Millisecond) / time.Millisecond) }

func TestWrapsAreInvisible(t *testing.T) {
	for name, edge := range map[string]int64{"2^24": 1 << 24, "2^31": 1 << 31, "2^32": 1 << 32} {
		for _, rate := range []media.Rate{44_100, 48_000} {
			t.Run(name, func(t *testing.T) {
				p := newPeer(t, rate, func(d time.Duration) int64 { return edge - 3000 + ms(d) })
				p.run(10 * time.Second)
				start := rate.Ticks(lead)
				if want := start + media.Ticks((p.units-1)*1024); p.lastAudio != want {
					t.Errorf("sound ends at %d, want %d", p.lastAudio, want)
				}
				if want := media.VideoRate.Ticks(lead) + media.Ticks((p.pictures-1)*3600); p.lastVideo != want {
					t.Errorf("picture ends at %d, want %d", p.lastVideo, want)
				}
				if p.flags != 0 || p.line.Jumps() != 0 || p.skew != 0 {
					t.Errorf("%d flags, %d jumps, skew %v", p.flags, p.line.Jumps(), p.skew)
				}
			})
		}
	}
}

// Hours of an honest peer are placed to the sample, at rates that milliseconds
// do not divide.
func TestNoDrift(t *testing.T) {
	p := newPeer(t, 44_100, ms)
	p.run(3 * time.Hour)
	if want := media.Ticks(441_000 + (p.units-1)*1024); p.lastAudio != want || p.skew != 0 {
		t.Errorf("sound ends at %d, want %d; skew %v", p.lastAudio, want, p.skew)
	}
}

// A sound card that is 500 ppm off is followed without a flag or a gap.
func TestSampleClockOff(t *testing.T) {
	for _, speed := range []float64{1.0005, 0.9995} {
		p := newPeer(t, 48_000, ms)
		p.speed = speed
		for range 20 {
			p.run(time.Duration(p.pictures)*40*time.Millisecond + time.Minute)
			if p.skew > 25*time.Millisecond {
				t.Errorf("speed %v: skew %v", speed, p.skew)
			}
		}
		if p.flags != 0 {
			t.Errorf("speed %v: %d flags", speed, p.flags)
		}
	}
}

// FAULTS R17: after any step of the clock, sound and picture are in step again
// within ten seconds and stay it.
func TestSteps(t *testing.T) {
	for _, c := range []struct {
		name  string
		step  time.Duration
		jumps uint64
	}{
		{"-20ms", -20 * time.Millisecond, 0},
		{"-50ms", -50 * time.Millisecond, 0},
		{"-100ms", -100 * time.Millisecond, 0},
		{"-300ms", -300 * time.Millisecond, 0},
		{"-1s", -time.Second, 0},
		{"-1.1s", -1100 * time.Millisecond, 1},
		{"-10s", -10 * time.Second, 1},
		{"-1h", -time.Hour, 1},
		{"+1s", time.Second, 0},
		{"+9s", 9 * time.Second, 0},
		{"+11s", 11 * time.Second, 1},
		{"+1h", time.Hour, 1},
		{"+25d", 25 * 24 * time.Hour, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			const at = 5*time.Second + 7*time.Millisecond
			p := newPeer(t, 48_000, func(d time.Duration) int64 {
				if d < at {
					return 1<<30 + ms(d)
				}
				return 1<<30 + ms(d+c.step)
			})
			p.run(15 * time.Second)
			p.run(60 * time.Second)
			if p.skew > Tolerance {
				t.Errorf("skew %v", p.skew)
			}
			if p.line.Jumps() != c.jumps {
				t.Errorf("%d jumps, want %d", p.line.Jumps(), c.jumps)
			}
			end, want := media.VideoRate.Duration(p.lastVideo), lead+60*time.Second-40*time.Millisecond
			if c.step > 0 && c.jumps == 0 {
				want += c.step
			}
			if off := end - want; off.Abs() > 100*time.Millisecond {
				t.Errorf("the timeline is off by %v", off)
			}
		})
	}
}

func TestRestartGoesOnByTheWallClock(t *testing.T) {
	p := newPeer(t, 48_000, ms)
	p.run(2 * time.Second)
	p.now = p.now.Add(3 * time.Second)
	p.clock = func(d time.Duration) int64 { return 777_777 + ms(d) }
	p.wrap = NewUnwrapper(32)
	p.line.Restart()
	p.run(4 * time.Second)
	if want := media.VideoRate.Ticks(lead + 7*time.Second - 40*time.Millisecond); p.lastVideo != want {
		t.Errorf("picture ends at %d, want %d", p.lastVideo, want)
	}
	if p.flags != 2 || p.line.Jumps() != 0 || p.skew > 3*time.Millisecond {
		t.Errorf("%d flags, %d jumps, skew %v", p.flags, p.line.Jumps(), p.skew)
	}
}

func TestPlaceDoesNotAllocate(t *testing.T) {
	l := NewLine(media.MilliRate, time.Unix(0, 0))
	v, a := l.Track(media.VideoRate), l.Track(48_000)
	now, wire := time.Unix(0, 0), int64(0)
	if n := testing.AllocsPerRun(1000, func() {
		v.Place(Stamp{Wire: wire, Offset: 80, Arrived: now})
		a.Place(Stamp{Wire: wire, Samples: 1920, Arrived: now})
		wire += 40
		now = now.Add(40 * time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPlace(b *testing.B) {
	l := NewLine(media.MilliRate, time.Unix(0, 0))
	a := l.Track(48_000)
	now, wire := time.Unix(0, 0), int64(0)
	b.ReportAllocs()
	for b.Loop() {
		a.Place(Stamp{Wire: wire, Samples: 960, Arrived: now})
		wire += 20
		now = now.Add(20 * time.Millisecond)
	}
}
