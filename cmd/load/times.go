package load

import (
	"sync/atomic"
	"time"
)

// Times counts durations up to 10 s, to the tenth of a millisecond, without a lock.
// Longer ones count as 10 s.
type Times struct{ counts [100_000]atomic.Uint32 }

const timesStep = 100 * time.Microsecond

// Add counts one.
func (t *Times) Add(d time.Duration) {
	t.counts[min(max(0, int(d/timesStep)), len(t.counts)-1)].Add(1)
}

// Quantile is the duration that the share q of all does not exceed, and false if there
// are none.
func (t *Times) Quantile(q float64) (time.Duration, bool) {
	total := uint64(0)
	for i := range t.counts {
		total += uint64(t.counts[i].Load())
	}
	left := uint64(q*float64(total) + 0.5)
	for i := range t.counts {
		if n := uint64(t.counts[i].Load()); n >= left && n > 0 {
			return time.Duration(i+1) * timesStep, true
		} else if n < left {
			left -= n
		}
	}
	return 0, false
}
