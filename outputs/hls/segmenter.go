package hls

import (
	"slices"
	"time"

	"weir/pipeline/media"
)

// segmenter decides where segments start. It belongs to one goroutine.
type segmenter struct {
	cfg   Config
	store *store
	time  timing
	notes *notes
	// ask asks the source for a key unit.
	ask func(media.KeyframeRequest)

	lanes []*lane
	// lead decides. While waiting, the next timeline waits for a key unit of to, to
	// start with the tracks in starts; broken says that the one under way is over.
	lead, to        *lane
	starts          map[*lane]*media.Track
	waiting, broken bool
	started         bool

	bounds   []boundary    // those that some lane has yet to pass, oldest first
	current  boundary      // the lead's newest
	frontier time.Duration // how far the lead has been decoded
	lastKey  media.Ticks   // decoding time of the lead's newest key unit
	cc       uint64
	// slow is how long the longest unit of the lead lasts in its present segment, slower
	// the same in the one before.
	slow, slower time.Duration
	ending       bool // nothing more comes
}

const (
	// earlier is how much shorter than configured a segment may be, so that a key
	// unit that comes a hair too early need not wait for its successor.
	earlier = 0.95
	// never is before all times of an instance.
	never = -time.Hour
)

// Reasons to leave units out.
const (
	risesNot = "decoding time does not rise"
	keyLess  = "no key frame to start with"
	gaveUp   = "too late for its segment"
)

func newSegmenter(cfg Config, st *store, epoch time.Time, n *notes) *segmenter {
	s := &segmenter{
		cfg: cfg, store: st, notes: n, cc: st.cc, frontier: never,
		time: timing{epoch: epoch, limit: cfg.longest()},
	}
	s.current.msn = st.msn
	if sh := st.shape(); sh != nil {
		s.time.limit, s.time.part = sh.limit(), sh.part
	}
	return s
}

// take is given everything that arrives, in order.
func (s *segmenter) take(item media.Item) {
	switch it := item.(type) {
	case *media.TrackSet:
		s.tracks(it)
	case *media.Unit:
		s.unit(it)
	}
}

func (s *segmenter) unit(u *media.Unit) {
	l := s.laneOf(u)
	switch {
	case l == nil:
		return // a track that is left out
	case len(u.Access) == 0:
		s.notes.drop("empty", 1)
		return
	case u.Time() < -origin*time.Second/2:
		s.notes.drop("before the beginning of time", 1)
		return
	}
	l.hears(s.frontier)
	l.came = true
	switch {
	case s.waiting && l == s.to:
		s.leadsOver(u)
	case l == s.lead && sameConfig(u.Track, l.track, l.layer):
		s.leads(u)
	default:
		s.notes.drop("too far from the lead track", l.hold(u))
		if s.outruns(l, u) {
			s.yield(l)
		}
	}
}

func (s *segmenter) laneOf(u *media.Unit) *lane {
	for _, l := range s.lanes {
		if l.layer == u.Layer && l.id == u.Track.ID {
			return l
		}
	}
	return nil
}

// leadsOver takes a unit of the track that is to start the next timeline.
func (s *segmenter) leadsOver(u *media.Unit) {
	fits := sameConfig(u.Track, s.starts[s.to], s.to.layer)
	late := s.started && u.Kind() == media.KindAudio && u.Time() < s.lead.cut.end()
	switch {
	case u.Flags.Has(media.Key) && fits && !late:
		s.turn(u)
	case !s.started:
		s.askKey(u)
		s.notes.skip("before the first key frame")
	case u.Flags.Has(media.Discontinuity):
		s.broken = true
		s.askKey(u)
		s.notes.drop(keyLess, 1)
	case s.to == s.lead && !s.broken && sameConfig(u.Track, s.lead.track, s.lead.layer):
		s.leads(u)
	default:
		s.askKey(u)
		s.notes.drop(keyLess, 1)
	}
}

// askKey asks for a key unit of u's layer.
func (s *segmenter) askKey(u *media.Unit) {
	if u.Kind() == media.KindVideo && s.ask != nil {
		s.ask(media.KeyframeRequest{Track: u.Track.ID, Layer: u.Layer})
	}
}

// askKeys asks for a key unit of each layer once a segment has become long enough to
// end: browsers send none unless they are asked.
func (s *segmenter) askKeys(long time.Duration) {
	if s.ask == nil || long < s.cfg.Segment {
		return
	}
	for _, l := range s.lanes {
		if l.kind == media.KindVideo && l.track != nil {
			s.ask(media.KeyframeRequest{Track: l.id, Layer: l.layer})
		}
	}
}

// leads takes a unit of the lead on the current timeline.
func (s *segmenter) leads(u *media.Unit) {
	c := s.lead.cut
	switch {
	case u.Flags.Has(media.Discontinuity):
		s.restart()
		s.leadsOver(u)
		return
	case u.DTS <= c.held.DTS:
		s.notes.drop(risesNot, 1)
		return
	case c.span(c.held.DTS, u.DTS) > s.time.limit && !s.waiting:
		s.restart()
		s.turn(u)
		return
	}
	if s.time.part == 0 {
		s.time.part = s.cfg.partTarget(c.rate.Duration(u.DTS - c.held.DTS))
	}
	s.slow = max(s.slow, c.span(c.held.DTS, u.DTS))
	s.splitBefore(u)
	if s.ends(c, u) {
		s.cutLead(u, u.DTS)
	} else {
		s.askKeys(c.length(u.DTS))
		c.push(u)
	}
	s.advance(u.Time())
}

// ends says whether the lead's segment ends in front of u: at a key unit, once it
// is long enough, or too long to wait for the next one, or if it did not start with
// one itself; anywhere when it would become too long.
func (s *segmenter) ends(c *cutter, u *media.Unit) bool {
	long := c.length(u.DTS)
	if !u.Flags.Has(media.Key) {
		return long+c.rate.Duration(c.last) > s.time.limit
	}
	gop := c.span(s.lastKey, u.DTS)
	s.lastKey = u.DTS
	return long >= time.Duration(earlier*float64(s.cfg.Segment)) || !c.seg.independent || long+gop > s.time.limit
}

// splitBefore cuts in front of the held unit if u shows that it lasts too long for
// the segment under way.
func (s *segmenter) splitBefore(u *media.Unit) {
	c := s.lead.cut
	if held := c.held; held.DTS > c.segStart && c.length(u.DTS) > s.time.limit {
		c.held = nil
		s.cutLead(held, 0)
	}
}

// cutLead starts the next segment of the lead with u. next is as in cutter.finish.
func (s *segmenter) cutLead(u *media.Unit, next media.Ticks) {
	c := s.lead.cut
	at := c.rate.Duration(u.DTS + c.offset)
	b := boundary{msn: s.current.msn + 1, at: at, end: at, cc: s.cc, key: u.Flags.Has(media.Key)}
	c.finish(next)
	s.shape(s.lead)
	s.current, s.lead.at = b, b
	s.slow, s.slower = 0, s.slow
	s.bounds = append(s.bounds, b)
	c.begin(b, s.lead.init, u)
}

// advance moves the frontier and lets the other lanes follow.
func (s *segmenter) advance(to time.Duration) {
	s.frontier = max(s.frontier, to)
	for _, l := range s.lanes {
		if l != s.lead {
			s.follow(l)
			s.catchUp(l, s.frontier)
		}
	}
	passed := slices.IndexFunc(s.bounds, func(b boundary) bool {
		return slices.ContainsFunc(s.lanes, func(l *lane) bool { return !l.passenger && l.at.msn < b.msn })
	})
	if passed < 0 {
		passed = len(s.bounds)
	}
	s.bounds = slices.Delete(s.bounds, 0, passed)
}

// finish writes what is held and ends the last segment of every rendition.
func (s *segmenter) finish() {
	if !s.started {
		return
	}
	end := s.lead.cut.end()
	s.frontier, s.ending = end, true
	for _, l := range s.lanes {
		if l == s.lead {
			continue
		}
		s.follow(l)
		s.catchUp(l, end+quiet/2)
		for b, ok := s.nextBound(l); ok && !l.passenger; b, ok = s.nextBound(l) {
			s.pass(l, b, nil)
		}
		s.tail(l)
	}
	for _, l := range s.lanes {
		switch {
		case l.passenger || !l.begun:
		case l == s.lead:
			l.close(end, 0)
		default:
			l.close(end, s.lasts(l, end, nil))
		}
	}
	s.shape(s.lead)
}
