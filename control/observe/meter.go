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
	first counts    // at the begin of the window

	units, bytes, pictures float64 // a second, in the last whole window
	overran, keyless       uint64  // in the last whole window
	last                   uint64
	moved                  time.Time // when units rose last
}

// counts are what has gone over an edge or out of a stage since it began.
type counts struct{ units, bytes, pictures, overran, keyless uint64 }

// add takes the counters as they are now.
func (m *meter) add(now time.Time, c counts) {
	m.seen = now
	if c.units != m.last {
		m.last, m.moved = c.units, now
	}
	took := now.Sub(m.begun)
	switch {
	case m.begun.IsZero():
	case took < window:
		return
	default:
		m.units = float64(rise(m.first.units, c.units)) / took.Seconds()
		m.bytes = float64(rise(m.first.bytes, c.bytes)) / took.Seconds()
		m.pictures = float64(rise(m.first.pictures, c.pictures)) / took.Seconds()
		m.overran, m.keyless = rise(m.first.overran, c.overran), rise(m.first.keyless, c.keyless)
	}
	m.begun, m.first = now, c
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
	units, pictures, bitrate float64
	stalled, dropping        bool
	why                      string
}

// judge says whether an edge stalls or drops, and why.
func (w *watched) judge(snap *instance.Snapshot, e *pipeline.EdgeSnapshot, m *meter, now time.Time) rate {
	r := rate{units: m.units, pictures: m.pictures, bitrate: m.bytes * 8}
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
