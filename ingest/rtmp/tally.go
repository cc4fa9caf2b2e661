package rtmp

import (
	"log/slog"
	"time"
)

// tallyEvery is the least time between two log lines about the same thing.
const tallyEvery = 10 * time.Second

// tally logs what may happen with every message, at most once in a while.
type tally struct {
	log    *slog.Logger
	counts map[string]*tallied
}

type tallied struct {
	logged time.Time
	since  int // times that were not logged
	last   error
}

// warn logs what and err, or counts it.
func (t *tally) warn(what string, err error, at time.Time) {
	c := t.counts[what]
	if c == nil {
		if t.counts == nil {
			t.counts = make(map[string]*tallied)
		}
		c = &tallied{}
		t.counts[what] = c
	}
	c.since++
	c.last = err
	if c.logged.IsZero() || at.Sub(c.logged) >= tallyEvery {
		t.flush(what, c)
		c.logged = at
	}
}

// end logs what was counted and not logged.
func (t *tally) end() {
	for what, c := range t.counts {
		if c.since > 0 {
			t.flush(what, c)
		}
	}
	t.counts = nil
}

func (t *tally) flush(what string, c *tallied) {
	t.log.Warn(what, "times", c.since, "last", c.last)
	c.since = 0
}
