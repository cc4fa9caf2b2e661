package pipeline

import (
	"math/rand/v2"
	"time"
)

// steadyRun is how long a run must last for the next failure to count as the first.
const steadyRun = 30 * time.Second

// patience is how long to wait before a restart: first after the first failure,
// doubled after each further one up to most.
type patience struct{ first, most time.Duration }

// patienceFor is the table of the restart policy. Only a failure of the Config kind
// is final: it stays as it is until somebody changes the configuration.
func patienceFor(k Kind) (p patience, final bool) {
	switch k {
	case Config:
		return patience{time.Second, time.Minute}, true
	case Overrun:
		return patience{100 * time.Millisecond, 5 * time.Second}, false
	case Transient:
		return patience{250 * time.Millisecond, 30 * time.Second}, false
	case Peer:
		return patience{500 * time.Millisecond, 30 * time.Second}, false
	case Format:
		return patience{2 * time.Second, 30 * time.Second}, false
	default:
		return patience{time.Second, time.Minute}, false
	}
}

// backoff counts failures in a row.
type backoff struct{ failures int }

// next is how long to wait after a failure that ended a run of the given length,
// with a fifth of jitter, so that stages which failed together do not return
// together; ok is false if the failure is final.
func (b *backoff) next(k Kind, policy Restart, ran time.Duration) (wait time.Duration, ok bool) {
	p, final := patienceFor(k)
	if policy == RestartNever || (final && policy != RestartAlways) {
		return 0, false
	}
	if ran >= steadyRun {
		b.failures = 0
	}
	wait = p.most
	if b.failures < 16 {
		wait = min(p.first<<b.failures, p.most)
	}
	b.failures++
	return wait - time.Duration(rand.Int64N(int64(wait/5))), true
}
