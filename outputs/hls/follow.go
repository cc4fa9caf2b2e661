package hls

import (
	"time"

	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

const (
	// nearly is how much a follower's key unit may be before the lead's.
	nearly = 5 * time.Millisecond
	// rounded is how much sound that starts with the lead may be before it, because
	// their clocks have other ticks.
	rounded = time.Millisecond
	// keyPatience is how long a layer's key unit is waited for behind a boundary.
	keyPatience = 50 * time.Millisecond
	// quiet is how long the lead goes on without a unit of an audio track until that
	// is filled with silence, and absent the same for tracks that cannot be filled. As
	// long again it has by the clock, since what comes in clumps is not missing when the
	// lead's comes first.
	quiet  = 500 * time.Millisecond
	absent = 2 * time.Second
	// firstUnit is how long the first unit of a timeline may take, for which a worker
	// may have to be started.
	firstUnit = 4 * time.Second
)

// place says what becomes of a follower's unit at a boundary.
type place uint8

const (
	stays   place = iota // in the segment under way
	crosses              // starts the segment behind the boundary
	waits                // until the lead is further
	goes                 // is dropped
)

// follow moves a lane's pending units on, as far as the lead has shown where they
// belong.
func (s *segmenter) follow(l *lane) {
	n := 0
	for n < len(l.pending) {
		u := l.pending[n]
		if f := l.filler(u); f != nil {
			switch s.step(l, f) {
			case waits:
				l.shift(n)
				return
			case stays:
				continue
			case goes, crosses:
			}
		}
		switch s.step(l, u) {
		case waits:
			l.shift(n)
			return
		case goes:
			if s.cc == s.store.cc {
				s.notes.skip("before the first key frame")
			} else {
				s.notes.drop("between two timelines", 1)
			}
		case stays, crosses:
		}
		n++
	}
	l.shift(n)
}

// step takes one unit of a lane past all boundaries that are in front of it and
// puts it where it belongs. It returns anything but crosses.
func (s *segmenter) step(l *lane, u *media.Unit) place {
	for {
		b, bound := s.nextBound(l)
		switch p := s.placeOf(l, u, b, bound); p {
		case crosses:
			s.pass(l, b, u)
		case stays:
			if s.lapses(l, u.DTS) {
				l.cut.lapse(u.DTS)
			}
			if why := l.put(u); why != "" {
				s.notes.drop(why, 1)
				if why == keyLess {
					s.askKey(u)
				}
			}
			return p
		case waits, goes:
			return p
		}
	}
}

// nextBound is the boundary that l has to pass next.
func (s *segmenter) nextBound(l *lane) (boundary, bool) {
	for _, b := range s.bounds {
		if b.msn > l.at.msn {
			return b, true
		}
	}
	return boundary{}, false
}

func (s *segmenter) placeOf(l *lane, u *media.Unit, b boundary, bound bool) place {
	if l.passenger {
		return s.placePassenger(l, u)
	}
	t := l.when(u)
	mine := l.track != nil && sameConfig(u.Track, l.track, l.layer)
	switch {
	case !bound && (t >= s.frontier || s.waiting && !mine):
		return waits
	case !bound && mine:
		return stays
	case !bound:
		return goes
	case b.discontinuity:
		return placeAtTurn(l, u, b, mine && t < b.end)
	case !mine:
		return goes
	case t < b.at-nearly, l.kind == media.KindAudio && t < b.at:
		return stays
	case l.kind == media.KindAudio, u.Flags.Has(media.Key), !b.key, t > b.at+keyPatience:
		return crosses
	default:
		return stays
	}
}

// placeAtTurn is placeOf at the start of a new timeline.
func placeAtTurn(l *lane, u *media.Unit, b boundary, before bool) place {
	t := u.Track.Rate.Duration(u.PTS)
	switch {
	case before && !u.Flags.Has(media.Discontinuity):
		return stays
	case !sameConfig(u.Track, b.starts[l], l.layer):
		return goes
	case l.kind == media.KindAudio && t >= b.at-rounded,
		l.kind == media.KindVideo && u.Flags.Has(media.Key) && t >= b.at-nearly:
		return crosses
	default:
		return goes
	}
}

// placePassenger is placeOf for audio that is written into other renditions: it
// need not be cut exactly.
func (s *segmenter) placePassenger(l *lane, u *media.Unit) place {
	switch {
	case s.waiting && !sameConfig(u.Track, l.track, 0), l.when(u) >= s.frontier:
		return waits
	case !sameConfig(u.Track, l.track, 0) || l.when(u) < s.current.at && s.current.discontinuity:
		return goes
	default:
		return stays
	}
}

// pass ends the lane's segment at b. u is what comes next, or nil.
func (s *segmenter) pass(l *lane, b boundary, u *media.Unit) {
	if l.begun {
		var next media.Ticks
		if !b.discontinuity {
			next = s.lasts(l, b.at, u)
		}
		l.close(b.end, next)
	}
	if b.discontinuity {
		s.turnLane(l, b)
	}
	l.at, l.begun = b, l.begun || l.track != nil
}

// lasts is the decoding time up to which a lane's held unit lasts if its segment ends
// at a bound; 0 if it cannot tell. u is what comes next, or nil: it may be far behind
// the bound.
func (s *segmenter) lasts(l *lane, at time.Duration, u *media.Unit) media.Ticks {
	if u != nil && (l.kind == media.KindAudio || !s.lapses(l, u.DTS)) {
		return u.DTS
	}
	if l.kind == media.KindAudio || l.cut.held == nil {
		return 0
	}
	to := l.cut.rate.Ticks(at) - l.cut.offset
	if !s.lapses(l, to) {
		return to
	}
	l.cut.lapse(to)
	return 0
}

// lapses says whether a lane has paused if its next unit comes at dts: its held unit
// would last for too long for its segment, or for longer than a part that is listed and
// than the lead's do.
func (s *segmenter) lapses(l *lane, dts media.Ticks) bool {
	if l.kind != media.KindVideo || l == s.lead || l.cut.held == nil || s.time.part == 0 {
		return false
	}
	held := l.cut.held
	frame := l.cut.rate.Duration(fmp4.Nominal(held))
	long := l.cut.span(held.DTS, dts) > max(s.time.part, 2*frame, max(s.slow, s.slower)+frame)
	return long && s.cfg.lowLatency() || dts > held.DTS && l.cut.length(dts) > s.time.limit
}

// missing says whether a lane's units have stopped coming while the lead went on to
// until, for that long.
func (s *segmenter) missing(l *lane, until, long time.Duration) bool {
	if until-l.heard < quiet {
		return false
	}
	if l.outrun.IsZero() {
		l.outrun = time.Now()
	}
	late := long
	if !l.came {
		late = max(late, firstUnit)
	}
	gone := l.id == "" || s.ending // nothing will come
	return until-l.heard >= long && (gone || time.Since(l.outrun) >= late)
}

// catchUp looks after a lane whose units have stopped coming while the lead went on
// to until: with silence, or else with gaps.
func (s *segmenter) catchUp(l *lane, until time.Duration) {
	if l.passenger || !s.missing(l, until, quiet) {
		return
	}
	for {
		b, bound := s.nextBound(l)
		u := s.nextSilence(l, b)
		switch {
		case u != nil && l.when(u) < until-quiet/2:
			if s.step(l, u) != stays {
				return
			}
		case bound && b.at <= until && u == nil && s.missing(l, until, absent):
			s.pass(l, b, nil)
		default:
			return
		}
	}
}

// tail writes what a lane has behind the end of the lead.
func (s *segmenter) tail(l *lane) {
	for _, u := range l.pending {
		if l.track == nil || !sameConfig(u.Track, l.track, l.layer) {
			continue
		}
		for f := l.filler(u); f != nil; f = l.filler(u) {
			s.append(l, f)
		}
		s.append(l, u)
	}
	l.pending = nil
}

// append writes a unit behind the end of the lead, in another segment if this one
// has no room for it.
func (s *segmenter) append(l *lane, u *media.Unit) {
	if l.kind == media.KindAudio && !l.passenger && l.cut.open() && l.cut.length(u.DTS+fmp4.Nominal(u)) > s.time.limit {
		at := l.when(u)
		s.pass(l, boundary{msn: l.at.msn + 1, at: at, end: at, cc: l.at.cc, key: true}, u)
	}
	if why := l.put(u); why != "" {
		s.notes.drop(why, 1)
	}
}

// nextSilence is the silent unit behind what a lane has, or nil.
func (s *segmenter) nextSilence(l *lane, b boundary) *media.Unit {
	switch {
	case l.kind != media.KindAudio:
		return nil
	case b.starts[l] != nil:
		t := b.starts[l]
		return silent(t, t.Rate.Ticks(b.at)+1)
	case l.track != nil && l.cut.held != nil:
		return silent(l.track, l.cut.held.DTS+fmp4.Nominal(l.cut.held))
	default:
		return nil
	}
}
