package observe

import (
	"fmt"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
)

// meter makes rates of counters that rise.
type meter struct {
	seen  time.Time
	begun time.Time // of the window that is being measured
	// at the begin of the window
	units0, bytes0, overran0, keyless0 uint64

	units, bytes     float64 // a second, in the last whole window
	overran, keyless uint64  // in the last whole window
	last             uint64
	moved            time.Time // when units rose last
}

// add takes the counters as they are now.
func (m *meter) add(now time.Time, units, bytes, overran, keyless uint64) {
	m.seen = now
	if units != m.last {
		m.last, m.moved = units, now
	}
	took := now.Sub(m.begun)
	switch {
	case m.begun.IsZero():
	case took < window:
		return
	default:
		m.units = float64(rise(m.units0, units)) / took.Seconds()
		m.bytes = float64(rise(m.bytes0, bytes)) / took.Seconds()
		m.overran, m.keyless = rise(m.overran0, overran), rise(m.keyless0, keyless)
	}
	m.begun, m.units0, m.bytes0, m.overran0, m.keyless0 = now, units, bytes, overran, keyless
}

// rise is how much a counter has risen. One that fell has begun anew.
func rise(from, to uint64) uint64 {
	if to < from {
		return to
	}
	return to - from
}

// rate is what flows over an edge, and why nothing does or not all.
type rate struct {
	units, bitrate    float64
	stalled, dropping bool
	why               string
}

// judge says whether an edge stalls or drops, and why.
func (w *watched) judge(snap *instance.Snapshot, e *pipeline.EdgeSnapshot, m *meter, now time.Time) rate {
	r := rate{units: m.units, bitrate: m.bytes * 8}
	switch {
	case m.overran > 0:
		r.dropping, r.why = true, fmt.Sprintf("%s is too slow: %d units were dropped in the last second", e.To, m.overran)
	case m.keyless > 0:
		r.dropping, r.why = true, fmt.Sprintf("%s waits for a key frame: %d units were dropped in the last second", e.To, m.keyless)
	}
	quiet := now.Sub(m.moved)
	if quiet < still || e.Units == 0 {
		return r
	}
	from, to := stage(snap, e.From), stage(snap, e.To)
	switch {
	case from == nil || to == nil:
	case from.State == pipeline.Paused || to.State == pipeline.Paused:
		r.why = "nobody needs it now"
	case to.State != pipeline.Running && to.State != pipeline.Ended:
		r.stalled, r.why = true, fmt.Sprintf("%s is %s", e.To, to.State)
	case e.Queued > 0:
		r.stalled, r.why = true, fmt.Sprintf("%s has taken nothing for %s", e.To, seconds(quiet))
	case from.State != pipeline.Running:
		r.stalled, r.why = true, fmt.Sprintf("%s is %s", e.From, from.State)
	case idle(w.sources[sourceKey{e.From, e.FromPort}], now):
		r.stalled, r.why = true, fmt.Sprintf("nothing has come from %s for %s", e.From, seconds(quiet))
	}
	return r
}

func idle(m *meter, now time.Time) bool { return m != nil && now.Sub(m.moved) >= still }

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }

func stage(snap *instance.Snapshot, name string) *pipeline.StageSnapshot {
	for i := range snap.Stages {
		if snap.Stages[i].Name == name {
			return &snap.Stages[i]
		}
	}
	return nil
}
