package reception

import (
	"testing"
	"time"
)

// A window that has more than it may hold need not be over to be too much.
func TestMeter(t *testing.T) {
	var m Meter
	now := time.Unix(1_700_000_000, 0)
	for i, c := range []struct {
		wait  time.Duration
		bytes int
		want  int64 // bit/s
	}{
		{0, 500_000, 1_000_000},
		{time.Second, 500_000, 2_000_000},
		{0, 9_000_000, 20_000_000},
		{4 * time.Second, 0, 16_000_000}, // 10 MB in 5 s; the next one begins
		{time.Second, 500_000, 1_000_000},
		{2 * time.Second, 1_000_000, 3_000_000},
	} {
		now = now.Add(c.wait)
		if got := m.Add(c.bytes, now); got != c.want {
			t.Errorf("step %d: %d bit/s, want %d", i, got, c.want)
		}
	}
}
