package rtmp

import (
	"time"

	"weir/pipeline/service/rtmpd"
)

const (
	// watchEvery is how often progress is looked at.
	watchEvery = 500 * time.Millisecond
	// stalledAfter is how long nothing may move before a target counts as stalled,
	// givenUpAfter before its connection is given up.
	stalledAfter = 2 * time.Second
	givenUpAfter = 6 * time.Second
)

// watchdog judges whether what is sent gets anywhere. Sockets do not say: a peer that
// is gone takes what the system buffers, and one that hangs what its system does.
type watchdog struct {
	last    rtmpd.Flow
	arrived time.Time // when the peer's system last took something, or had nothing to take
	heard   time.Time // when its program last did
	at      uint64    // bytes sent by then
	stride  uint64    // the most that was sent between two acknowledgements
}

func newWatchdog(now time.Time) *watchdog { return &watchdog{arrived: now, heard: now} }

// quiet is for how long nothing has moved although it should have.
func (w *watchdog) quiet(f rtmpd.Flow, now time.Time) time.Duration {
	if f.Arrived != w.last.Arrived || !f.Waiting {
		w.arrived = now
	}
	if f.Heard != w.last.Heard || w.last.Heard == 0 {
		if w.last.Heard > 0 {
			w.stride = max(w.stride, f.Sent-w.at)
		}
		w.heard, w.at = now, f.Sent
	}
	// Only a program that acknowledges can be missed.
	if f.Heard < 2 || f.Sent-w.at <= 2*max(w.stride, leastStride) {
		w.heard = maxTime(w.heard, now.Add(-stalledAfter/2))
	}
	w.last = f
	return max(now.Sub(w.arrived), now.Sub(w.heard))
}

// leastStride is how often a program acknowledges at least if it does what it is asked.
const leastStride = 128 << 10

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
