package file

import (
	"time"

	"weir/pipeline/media"
)

// patch is the longest hole in the sound at a seam that is filled.
const patch = 250 * time.Millisecond

// loop puts the passes of a clip on one endless timeline.
type loop struct {
	period int64 // of a pass, in ticks of scale
	scale  media.Rate
	start  time.Duration // of the first pass
	pass   int64         // complete passes
	ends   map[media.TrackID]*end
}

// end is the last unit of a track.
type end struct {
	unit media.Unit
	next media.Ticks // the end of the unit, for sound
	pass int64
}

// newLoop makes a loop of which the earliest unit is due at that time.
func newLoop(c clip, first time.Duration) *loop {
	l := &loop{start: first + c.lead(), ends: make(map[media.TrackID]*end)}
	l.period, l.scale = c.period()
	return l
}

// ticks is where t ticks of scale after the beginning of a pass are, in ticks of
// rate. It rounds once where the pass is measured in the same scale.
func (l *loop) ticks(pass, t int64, scale, rate media.Rate) media.Ticks {
	start := rate.Ticks(l.start)
	if scale == l.scale {
		return start + media.Rescale(media.Ticks(pass*l.period+t), scale, rate)
	}
	return start + media.Rescale(media.Ticks(pass*l.period), l.scale, rate) + media.Rescale(media.Ticks(t), scale, rate)
}

// place calls emit with the units that a frame becomes: itself, at its time; none,
// if it is sound beyond the seam; or, before it, what fills a hole in the sound.
// Access and Flags are the unit's own, Arrived is left to emit.
func (l *loop) place(f *frame, emit func(media.Unit) error) error {
	u := media.Unit{
		Track: f.track, Flags: f.flags, Access: f.access,
		DTS: l.ticks(l.pass, f.dts, f.scale, f.track.Rate),
		PTS: l.ticks(l.pass, f.pts, f.scale, f.track.Rate),
	}
	e := l.ends[f.track.ID]
	if e == nil {
		e = &end{pass: l.pass, next: u.DTS}
		l.ends[f.track.ID] = e
	} else if e.unit.Track.Rate != f.track.Rate {
		e.next = media.Rescale(e.next, e.unit.Track.Rate, f.track.Rate)
		e.unit.DTS = media.Rescale(e.unit.DTS, e.unit.Track.Rate, f.track.Rate)
	}
	if f.samples > 0 {
		keep, err := l.join(e, &u, f.samples, emit)
		if err != nil || !keep {
			return err
		}
	} else if e.unit.Track != nil {
		u.DTS = max(u.DTS, e.unit.DTS+1)
	}
	u.PTS = max(u.PTS, u.DTS)
	e.unit, e.pass, e.next = u, l.pass, u.DTS+f.samples
	return emit(u)
}

// join moves a unit of sound to the end of the one before. It reports false if
// that would take it further than half a unit from its place.
func (l *loop) join(e *end, u *media.Unit, samples media.Ticks, emit func(media.Unit) error) (keep bool, err error) {
	rate, half := u.Track.Rate, samples/2
	if e.unit.Track != nil && u.DTS < e.next-half || e.next > l.ticks(l.pass+1, 0, l.scale, rate)-half {
		return false, nil
	}
	hole := u.DTS - e.next
	if hole > rate.Ticks(patch) {
		u.PTS = u.DTS
		return true, nil
	}
	for filler := e.unit; e.pass != l.pass && filler.Track == u.Track && hole > half; hole -= samples {
		filler.DTS, filler.PTS = e.next, e.next
		e.next += samples
		if err := emit(filler); err != nil {
			return false, err
		}
	}
	if hole <= half {
		u.DTS = e.next
	}
	u.PTS = u.DTS
	return true, nil
}
