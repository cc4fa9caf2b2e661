package timeline

import (
	"time"

	"weir/pipeline/media"
)

// Stamp is what is known about a unit's time when it arrives.
type Stamp struct {
	// Wire is the unit's decoding time by the peer's clock, unwrapped.
	Wire int64
	// Offset is presentation time minus decoding time, by the same clock. What is
	// not within 0 to MaxGap is brought there.
	Offset int64
	// Samples is how long the unit lasts in ticks of the track's rate, if the
	// bitstream says (audio); else 0.
	Samples media.Ticks
	// Arrived should have a monotonic reading.
	Arrived time.Time
}

// Place is where a unit belongs, in ticks of its track's rate since the epoch.
type Place struct {
	PTS, DTS media.Ticks
	// Flags has Discontinuity for the first unit of a new segment or session, and
	// also for one that follows its predecessor by more than MaxGap; Gap where
	// sound was lost.
	Flags media.Flags
}

// Track places the units of one track of a [Line].
type Track struct {
	line *Line
	rate media.Rate

	// The last unit: whether there was one, its DTS, how long it lasts (a guess
	// where the bitstream does not say), what the wire said, when it came.
	placed  bool
	last    media.Ticks
	dur     media.Ticks
	wire    int64
	arrived time.Time

	// shift is the line's shift as of its moves-th move, or the track's own.
	shift            int64
	moves            uint64
	session, segment uint64

	// held: the last unit was late and stands too early; mend is the shift that
	// would have been right for it.
	held bool
	mend int64

	pace           pace
	tolerance, gap media.Ticks // Tolerance and MaxGap in ticks of rate
}

// SetRate changes the rate of the following units, when the track's parameters
// have changed.
func (t *Track) SetRate(rate media.Rate) {
	if t.rate != 0 {
		t.last = media.Rescale(t.last, t.rate, rate)
		t.dur = media.Rescale(t.dur, t.rate, rate)
	} else {
		t.dur = rate.Ticks(time.Second) / 30
	}
	t.rate = rate
	t.tolerance, t.gap = rate.Ticks(Tolerance), rate.Ticks(MaxGap)
	t.pace = pace{tolerance: t.tolerance}
}

// Place says where a unit belongs. Units are placed in the order of arrival.
func (t *Track) Place(s Stamp) Place {
	l := t.line
	flags := t.locate(&s)
	if at := s.Wire + t.shift; at < 0 { // before the first unit, which came at once
		t.push(-at, s.Arrived)
	}
	prev, first := t.last, !t.placed

	var p Place
	if s.Samples > 0 && !first {
		p = t.sound(&s, flags)
	} else {
		p = t.picture(&s)
	}
	p.Flags |= flags
	if !first && p.DTS-prev > t.gap {
		p.Flags |= media.Discontinuity
	}

	t.remember(&s, p.DTS)
	if at := l.ticks(t, p.DTS); !l.started || at >= l.front {
		l.started, l.front, l.frontAt = true, at, s.Arrived
	}
	l.wall.Observe(t.rate.Duration(p.DTS), s.Arrived)
	return p
}

// locate brings t.shift up to date before a unit is placed.
func (t *Track) locate(s *Stamp) media.Flags {
	l := t.line
	if !l.started {
		l.shift = l.now(s.Arrived) - s.Wire
		return t.adopt()
	}
	delta := s.Wire - t.wire
	switch {
	case l.begun != l.session:
		l.begin(t, s)
		return t.adopt()
	case !t.placed || t.session != l.session:
		if t.fits(s, l.shift) {
			return t.adopt()
		}
		f := t.adopt()
		t.shift = l.now(s.Arrived) - s.Wire
		return f
	case delta < -l.back || delta > l.gap:
		if t.fits(s, l.shift) {
			return t.adopt()
		}
		if !t.fits(s, t.shift) {
			l.begin(t, s)
			return t.adopt()
		}
	case t.moves != l.moves && t.lags(s) && t.fits(s, l.shift):
		return t.adopt()
	}
	return 0
}

// adopt takes over the line's shift.
func (t *Track) adopt() media.Flags {
	l := t.line
	begun := t.placed && t.segment != l.segment
	t.shift, t.moves, t.session, t.segment = l.shift, l.moves, l.session, l.segment
	t.held = false
	t.pace.reset()
	if begun {
		return media.Discontinuity
	}
	return 0
}

// fits says whether shift would put the unit near to where its arrival does, and
// not far before the track's end. A track that leaps must land very near to go
// on with the shift that it has.
func (t *Track) fits(s *Stamp, shift int64) bool {
	l := t.line
	at := s.Wire + shift
	off, ahead := at-l.now(s.Arrived), l.gap
	if t.placed && t.session == l.session && shift == t.shift {
		ahead = l.back
	}
	return off <= ahead && off >= -l.gap && (!t.placed || at >= l.ticks(t, t.last)-l.back)
}

// lags says whether the time has come to follow a line that has moved: the
// track's clock has stepped as well, or it obviously will not.
func (t *Track) lags(s *Stamp) bool {
	l := t.line
	return s.Wire+t.shift < l.ticks(t, t.last) ||
		l.moves-t.moves > 1 || s.Arrived.Sub(l.moved) > patience
}

// picture places a unit of unknown length.
func (t *Track) picture(s *Stamp) Place {
	l := t.line
	dts := t.ticks(s.Wire + t.shift)
	if t.placed && dts <= t.last {
		switch late := t.last - dts; {
		case !t.held:
			t.held = true
			t.mend = l.ticks(t, t.last+t.dur) - s.Wire
		case late > t.tolerance && t.mend > t.shift:
			t.push(t.mend-t.shift, s.Arrived)
			t.held = false
		}
		dts = max(t.ticks(s.Wire+t.shift), t.last+1)
	} else {
		t.held = false
	}
	offset := min(max(s.Offset, 0), l.gap)
	return Place{PTS: max(t.ticks(s.Wire+t.shift+offset), dts), DTS: dts}
}

// sound places a unit that follows another one, both of known length. Where the
// timeline begins anew there is no reason to be off by as much as elsewhere.
func (t *Track) sound(s *Stamp, flags media.Flags) Place {
	want := t.last + t.dur
	limit := t.tolerance
	if flags != 0 {
		limit /= 8
	}
	step, behind := t.pace.next(t.ticks(s.Wire+t.shift)-want, limit, s.Samples)
	if behind > 0 {
		t.push(max(1, t.line.ticks(t, behind)), s.Arrived)
	}
	p := Place{DTS: max(want+step, t.last+1)}
	if step > t.tolerance && flags == 0 {
		p.Flags = media.Gap
	}
	p.PTS = p.DTS + t.ticks(min(max(s.Offset, 0), t.line.gap))
	return p
}

// push moves the track later by d wire ticks, and with it the line.
func (t *Track) push(d int64, arrived time.Time) {
	l := t.line
	own := t.shift != l.shift
	t.shift += d
	if !own {
		l.move(t.shift, arrived)
		t.moves = l.moves
	}
}

// remember keeps what the next unit is compared with.
func (t *Track) remember(s *Stamp, dts media.Ticks) {
	switch step := dts - t.last; {
	case s.Samples > 0:
		t.dur = s.Samples
	case t.placed && !t.held && step <= t.rate.Ticks(time.Second):
		t.dur = step
	}
	t.placed, t.last, t.wire, t.arrived = true, dts, s.Wire, s.Arrived
}

func (t *Track) ticks(wire int64) media.Ticks {
	return media.Rescale(media.Ticks(wire), t.line.wire, t.rate)
}
