package timeline

import "time"

const (
	// wallWindow is the media time over which the quickest arrival is sought.
	wallWindow = 5 * time.Second
	// wallSlew: the mapping is corrected by at most one part in wallSlew.
	wallSlew = 200
)

// Wall maps a source's epoch to the time of day by watching arrivals. The unit
// that travelled quickest tells the truth; the others were delayed. The mapping
// follows slowly, by at most 5 ms a second, so that it rises wherever media time
// does, stays put when the machine's clock is set (arrivals need a monotonic
// reading), and keeps up with a sender whose clock is not quite ours.
//
// The zero Wall is ready. It is not safe for concurrent use.
type Wall struct {
	base   time.Time     // the first arrival
	offset time.Duration // time since base minus time on the epoch
	target time.Duration // what offset moves to
	last   time.Duration // the latest observed time on the epoch

	best time.Duration // the least offset in the window that began at from
	from time.Duration
}

// Observe says that the unit of that time on the epoch has arrived.
func (w *Wall) Observe(at time.Duration, arrived time.Time) {
	if w.base.IsZero() {
		*w = Wall{base: arrived, offset: -at, target: -at, last: at, best: -at, from: at}
		return
	}
	if at <= w.last {
		return
	}
	w.slew(at - w.last)
	w.last = at
	off := arrived.Sub(w.base) - at
	if at-w.from >= wallWindow {
		w.target = w.best
		w.best, w.from = off, at
	}
	w.best = min(w.best, off)
	w.target = min(w.target, w.best)
}

func (w *Wall) slew(passed time.Duration) {
	d := w.target - w.offset
	w.offset += min(max(d, -passed/wallSlew), passed/wallSlew)
}

// At is the time of day at that time on the epoch; the zero Time before anything
// was observed. For times asked in rising order, none beyond what was observed,
// the answers rise.
func (w *Wall) At(at time.Duration) time.Time {
	if w.base.IsZero() {
		return time.Time{}
	}
	return w.base.Add(w.offset + at).Round(0)
}
