package egress

import (
	"slices"
	"sync"
	"time"
)

// Load is what an engine does at present, and what its limits are.
type Load struct {
	// Sessions are connected, HalfOpen are not yet.
	Sessions, MaxSessions int
	HalfOpen, MaxHalfOpen int
	// Joins counts sessions by the time from Open to the first packet that was sent.
	Joins Joins
}

// Joins is a histogram.
type Joins struct {
	Bounds []float64 // seconds, rising
	Counts []uint64  // in each bucket, and one more beyond the last bound
	Sum    float64   // seconds
}

// Load is a moment of the engine.
func (e *Engine) Load() Load {
	live, half := e.registry.count()
	return Load{
		Sessions: live, MaxSessions: e.limits.Sessions, HalfOpen: half, MaxHalfOpen: e.limits.HalfOpen,
		Joins: e.joins.read(),
	}
}

func joinBounds() []float64 { return []float64{0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10} }

// joins counts how long viewers wait.
type joins struct {
	mu     sync.Mutex // guards what follows
	counts []uint64
	sum    float64
}

func (j *joins) add(after time.Duration) {
	bounds := joinBounds()
	i := slices.IndexFunc(bounds, func(b float64) bool { return after.Seconds() <= b })
	if i < 0 {
		i = len(bounds)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.counts == nil {
		j.counts = make([]uint64, len(bounds)+1)
	}
	j.counts[i]++
	j.sum += after.Seconds()
}

func (j *joins) read() Joins {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := Joins{Bounds: joinBounds(), Counts: slices.Clone(j.counts), Sum: j.sum}
	if out.Counts == nil {
		out.Counts = make([]uint64, len(out.Bounds)+1)
	}
	return out
}
