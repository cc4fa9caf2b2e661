package whip

import (
	"sync/atomic"
	"time"
)

// meterWindow is the time over which a publisher's bitrate is measured.
const meterWindow = 4 * time.Second

// meter measures a bitrate in windows.
type meter struct {
	began time.Time
	bytes int64
	// late is that of the last window, in bit/s; for others to read.
	late atomic.Int64
}

// add counts a packet and returns the bitrate in bit/s when a window is full, else 0.
func (m *meter) add(bytes int, at time.Time) int64 {
	if m.began.IsZero() {
		m.began = at
	}
	m.bytes += int64(bytes)
	passed := at.Sub(m.began)
	if passed < meterWindow {
		return 0
	}
	rate := int64(float64(m.bytes) * 8 / passed.Seconds())
	m.began, m.bytes = at, 0
	m.late.Store(rate)
	return rate
}
