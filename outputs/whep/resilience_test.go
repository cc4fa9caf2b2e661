package whep

import (
	"testing"
	"time"

	"weir/pipeline/service/rtc/egress"
)

// What a player is told to hold back follows loss, round trip and jitter, and falls
// when the path has been calm for a while.
func TestHold(t *testing.T) {
	now := time.Unix(1000, 0)
	var p path
	for _, c := range []struct {
		after       time.Duration
		loss        float64
		rtt, jitter time.Duration
		want        time.Duration
	}{
		{0, 0, 40 * time.Millisecond, 0, 0},
		{time.Second, 0.01, 0, 0, 0},
		{time.Second, 0.1, 0, 0, 340 * time.Millisecond},
		{time.Second, 0.1, 0, 5 * time.Millisecond, 360 * time.Millisecond},
		{time.Second, 0.1, 0, time.Millisecond, 360 * time.Millisecond}, // not to and fro
		{time.Second, 0, 0, 0, 360 * time.Millisecond},
		{8 * time.Second, 0, 0, 0, 360 * time.Millisecond},
		{2 * time.Second, 0, 0, 0, 0},
		{time.Second, 0.3, 2 * time.Second, 200 * time.Millisecond, longestHold},
	} {
		now = now.Add(c.after)
		p.report(egress.Report{RTT: c.rtt, Jitter: c.jitter})
		p.held = p.hold(c.loss, now)
		if p.held != c.want {
			t.Errorf("loss %v: %v, want %v", c.loss, p.held, c.want)
		}
	}
}
