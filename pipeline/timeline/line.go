package timeline

import (
	"time"

	"weir/pipeline/media"
)

// The limits by which a Line judges a peer's clock.
const (
	// MaxGap is the largest step forward, and the largest distance between
	// tracks, that is believed.
	MaxGap = 10 * time.Second
	// MaxBack is the largest step backward that is smoothed.
	MaxBack = time.Second
	// Tolerance is how far a unit may stand from where its clock puts it.
	Tolerance = 40 * time.Millisecond

	// patience is how long a track may go on as before while others have moved.
	patience = time.Second
)

// Line is the timeline of one source, for all tracks that share the peer's
// clock. It is not safe for concurrent use.
type Line struct {
	wire   media.Rate
	epoch  time.Time
	tracks []*Track

	// shift is added to the peer's clock to get to the epoch, in wire ticks. It
	// has changed moves times, last when a unit of time moved arrived.
	shift int64
	moves uint64
	moved time.Time

	// session counts calls of Restart, segment the times that the timeline began
	// anew for any reason; begun is the session that the segment belongs to.
	session, segment, begun uint64
	jumps                   uint64

	// front is the latest DTS of all tracks in wire ticks, frontAt its arrival.
	started bool
	front   int64
	frontAt time.Time

	gap, back int64 // MaxGap, MaxBack in wire ticks
	wall      Wall
}

// NewLine makes a Line for a peer's clock of that rate. The first unit is placed as
// long after the epoch as it arrives.
func NewLine(wire media.Rate, epoch time.Time) *Line {
	return &Line{
		wire: wire, epoch: epoch, frontAt: epoch,
		gap:  int64(wire.Ticks(MaxGap)),
		back: int64(wire.Ticks(MaxBack)),
	}
}

// Track adds a track whose units are to have PTS and DTS in ticks of rate.
func (l *Line) Track(rate media.Rate) *Track {
	t := &Track{line: l}
	t.SetRate(rate)
	l.tracks = append(l.tracks, t)
	return t
}

// Restart says that the following units come from another session, with another
// clock: the publisher has come back, or another one has taken over. They go on
// on the same epoch, later by as much time as passes between the arrivals.
func (l *Line) Restart() {
	if l.started {
		l.session++
	}
}

// Jumps counts the segments that a step of the peer's clock began. Restart does
// not count.
func (l *Line) Jumps() uint64 { return l.jumps }

// Wall is the time of day at the given time on the epoch; see [Wall.At].
func (l *Line) Wall(at time.Duration) time.Time { return l.wall.At(at) }

// now is where on the epoch a unit that arrives at that time belongs if the
// source goes on at the pace of the world, in wire ticks.
func (l *Line) now(arrived time.Time) int64 {
	return l.front + max(0, int64(l.wire.Ticks(arrived.Sub(l.frontAt))))
}

// begin starts a segment with a unit of t: at the track's end or, if it has been
// silent for longer than a unit, where the arrival says. It does not begin a
// little before another track's last unit, so that nobody needs to step back.
func (l *Line) begin(t *Track, s *Stamp) {
	target := l.now(s.Arrived)
	if t.placed {
		last := l.ticks(t, t.last)
		target = min(target, last+int64(l.wire.Ticks(s.Arrived.Sub(t.arrived))))
		target = max(target, last+max(1, l.ticks(t, t.dur)))
	}
	base := target
	for _, o := range l.tracks {
		if last := l.ticks(o, o.last); o.placed && last >= target && last < base+l.back {
			target = last + 1
		}
	}
	l.move(target-s.Wire, s.Arrived)
	l.segment++
	if l.begun == l.session {
		l.jumps++
	}
	l.begun = l.session
}

// move sets the line's shift.
func (l *Line) move(shift int64, arrived time.Time) {
	l.shift, l.moved = shift, arrived
	l.moves++
}

// ticks converts a time of t to wire ticks.
func (l *Line) ticks(t *Track, v media.Ticks) int64 {
	return int64(media.Rescale(v, t.rate, l.wire))
}
