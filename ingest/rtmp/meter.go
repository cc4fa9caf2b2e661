package rtmp

import (
	"sync/atomic"
	"time"
)

// meterWindow is the time over which a publisher's bitrate is measured. Within it
// a publisher may catch up on what it has queued.
const meterWindow = 4 * time.Second

// meter measures a bitrate in windows.
type meter struct {
	began time.Time
	bytes int64
	// late is that of the last whole window, in bit/s; for others to read.
	late atomic.Int64
}

// add counts a message and returns the bitrate of the window under way in bit/s, as
// if nothing more came in it.
func (m *meter) add(bytes int, at time.Time) int64 {
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
