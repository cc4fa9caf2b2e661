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
		{time.Second, 0.1, 0, 0, 440 * time.Millisecond},
		{time.Second, 0.1, 0, 5 * time.Millisecond, 460 * time.Millisecond},
		{time.Second, 0.1, 0, time.Millisecond, 460 * time.Millisecond}, // not to and fro
		{time.Second, 0, 0, 0, 460 * time.Millisecond},
		{8 * time.Second, 0, 0, 0, 460 * time.Millisecond},
		{2 * time.Second, 0, 0, 0, 0},
		{time.Second, 0.3, 2 * time.Second, 200 * time.Millisecond, longestHold},
	} {
		now = now.Add(c.after)
		p.report(egress.Report{RTT: c.rtt, Jitter: c.jitter})
		p.trying = p.hold(c.loss, now)
		if p.trying != c.want {
			t.Errorf("loss %v: %v, want %v", c.loss, p.trying, c.want)
		}
	}
}
