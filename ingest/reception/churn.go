package reception

import "time"

const (
	churnWindow = 10 * time.Second
	churnMost   = 20 // in a window
)

// Churn bounds how often the tracks of a source may change: each change costs every
// consumer a new beginning.
type Churn struct {
	began   time.Time
	changes int
}

// Allow counts a change, and says whether there were not too many of late.
func (c *Churn) Allow(at time.Time) bool {
	if at.Sub(c.began) > churnWindow {
		c.began, c.changes = at, 0
	}
	c.changes++
	return c.changes <= churnMost
}
