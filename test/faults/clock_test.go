//go:build e2e

package faults

import (
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/test/machine"
)

// clock is what an encoder writes instead of the true time.
type clock func(kind media.Kind, at time.Duration) time.Duration

// startingAt is a clock that shows 3 s before the given time when the stream starts.
func startingAt(edge time.Duration) clock {
	return func(_ media.Kind, at time.Duration) time.Duration { return edge - 3*time.Second + at }
}

// stepping is a clock that jumps by that much after 6 s, an hour after its start.
func stepping(by time.Duration) clock {
	return func(_ media.Kind, at time.Duration) time.Duration {
		if at >= 6*time.Second {
			at += by
		}
		return time.Hour*2 + at
	}
}

const ms = time.Millisecond

// R17: clocks that wrap, step, or are wrong.
func TestClocks(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.4)
	s := start(t, standard)
	for _, c := range []struct {
		name  string
		clock clock
		// jumps says that the timeline may begin anew once.
		jumps bool
		// apart is how far sound and picture are apart by their clocks.
		apart time.Duration
	}{
		{name: "wrap-2e24", clock: startingAt(0xFFFFFF * ms)},
		{name: "wrap-2e31", clock: startingAt(1 << 31 * ms)},
		{name: "wrap-2e32", clock: startingAt(1 << 32 * ms)},
		{name: "step-100ms", clock: stepping(-100 * ms)},
		{name: "step-1s", clock: stepping(-time.Second)},
		{name: "step-10s", clock: stepping(-10 * time.Second), jumps: true},
		{name: "step-plus-5s", clock: stepping(5 * time.Second), jumps: true},
		{name: "step-plus-1h", clock: stepping(time.Hour), jumps: true},
		{name: "step-2h-to-zero", clock: stepping(-2*time.Hour - 6*time.Second), jumps: true},
		{name: "sound-plus-5s", apart: 5 * time.Second, clock: func(kind media.Kind, at time.Duration) time.Duration {
			if kind == media.KindAudio {
				return at + 5*time.Second
			}
			return at
		}},
		{name: "zero-durations", clock: func(kind media.Kind, at time.Duration) time.Duration {
			if kind == media.KindVideo {
				return at.Truncate(time.Second / 15) // two pictures at a time
			}
			return at
		}},
		{name: "stuttering", clock: func(kind media.Kind, at time.Duration) time.Duration {
			if kind == media.KindVideo && at%(200*ms) > 100*ms {
				return at + 30*ms
			}
			return at
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, v := s.publish(t, "short/"+c.name), s.watch(t, "short/"+c.name)
			st := newStream(t, 1, h264(t, 640, 360), aac(t, 48000))
			st.clock = c.clock
			p.play(st, 20*time.Second)
			p.close()
			v.end(30 * time.Second)
			video, audio := whole(t, p, v, true)
			vs, as := v.samples("video"), v.samples("audio")
			steady(t, "video", vs)
			steady(t, "audio", as)
			n := discontinuities(vs)
			if n > 1 || n == 1 && !c.jumps {
				t.Errorf("%d discontinuities", n)
			}
			// Ten seconds after the fault all has to be well.
			off := (skew(vs, as, 16*time.Second) - c.apart).Abs()
			if off > 40*time.Millisecond {
				t.Errorf("skew %v", off)
			}
			figure(t, "R17", "case=%s video: %v, audio: %v silence=%d discontinuities=%d skew_after_10s=%v skew_max=%v", c.name,
				video, audio, audio.foreign, n, off, skew(vs, as, 0)-c.apart)
		})
	}
}
