package udp

import "time"

const (
	// calm is the time between two readings of what is not urgent, at moments that all
	// who read on a beat share.
	calm = 10 * time.Millisecond
	// urgency is how long everything is urgent after something was.
	urgency = time.Second
)

// beat says how long to wait before reading again, when nothing is left to read.
type beat struct{ until time.Time }

func (b *beat) heard(urgent bool, now time.Time) {
	if urgent {
		b.until = now.Add(urgency)
	}
}

func (b *beat) rest(now time.Time) time.Duration {
	if now.Before(b.until) {
		return 0
	}
	return now.Truncate(calm).Add(calm).Sub(now)
}
