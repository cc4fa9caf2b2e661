package timeline

import (
	"testing"
	"time"
)

func TestWallFollowsTheQuickestArrival(t *testing.T) {
	var w Wall
	if !w.At(time.Second).IsZero() {
		t.Error("an unused Wall knows the time")
	}
	start := time.Now()
	// The first unit was 200 ms late, the others by a saw-tooth of 0 to 90 ms.
	var last time.Time
	for i := range 60 * 100 {
		at := time.Duration(i) * 10 * time.Millisecond
		delay := time.Duration(i%10) * 10 * time.Millisecond
		if i == 0 {
			delay = 200 * time.Millisecond
		}
		w.Observe(at, start.Add(at+delay))
		got := w.At(at)
		if !got.After(last) {
			t.Fatalf("unit %d: %v after %v", i, got, last)
		}
		last = got
	}
	at := 60 * time.Second
	if off := w.At(at).Sub(start.Add(at).Round(0)); off != 0 {
		t.Errorf("off by %v", off)
	}
}

// A sender's clock that is 100 ppm slow is followed for hours.
func TestWallKeepsUpWithDrift(t *testing.T) {
	var w Wall
	start := time.Now()
	var off time.Duration
	for i := range 3600 * 6 {
		at := time.Duration(i) * time.Second
		arrived := start.Add(at + at/10_000)
		w.Observe(at, arrived)
		off = max(off, w.At(at).Sub(arrived.Round(0)).Abs())
	}
	if off > 2*time.Millisecond {
		t.Errorf("off by up to %v", off)
	}
}
