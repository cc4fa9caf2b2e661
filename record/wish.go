package record

import (
	"sync"
	"time"
)

// wish is whether to record: as the configuration says, or as somebody has said since.
// What is said holds until the schedule has another opinion.
type wish struct {
	manual   bool // nothing is recorded until somebody says so
	schedule schedule

	mu   sync.Mutex // guards what follows
	told bool       // somebody has said so
	said bool       // and this
	open bool       // what the schedule said then
}

// say tells whether to record from now on.
func (w *wish) say(record bool, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told, w.said, w.open = true, record, w.schedule.open(now)
}

// why says why nothing is to be recorded; "" if something is.
func (w *wish) why(now time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	open := w.schedule.open(now)
	if w.told && open != w.open {
		w.told = false
	}
	switch {
	case w.told && w.said, !w.told && open && !w.manual:
		return ""
	case w.told, w.manual:
		return "until it is told to record"
	default:
		return "until the schedule says so"
	}
}
