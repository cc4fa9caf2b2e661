package reception

import (
	"sync/atomic"
	"time"
)

// meterWindow is the time over which a publisher's bitrate is measured. Within it
// a publisher may catch up on what it has queued.
const meterWindow = 4 * time.Second

// Meter measures a bitrate in windows. Add belongs to one goroutine, Late to all.
type Meter struct {
	began time.Time
	bytes int64
	late  atomic.Int64
}

// Add counts payload and returns the bitrate of the window under way in bit/s, as if
// nothing more came in it.
func (m *Meter) Add(bytes int, at time.Time) int64 {
	if m.began.IsZero() {
		m.began = at
	}
	m.bytes += int64(bytes)
	passed := max(at.Sub(m.began), meterWindow)
	rate := int64(float64(m.bytes) * 8 / passed.Seconds())
	if at.Sub(m.began) >= meterWindow {
		m.began, m.bytes = at, 0
		m.late.Store(rate)
	}
	return rate
}

// Late is the bitrate of the last whole window, in bit/s; 0 before there was one.
func (m *Meter) Late() int64 { return m.late.Load() }
