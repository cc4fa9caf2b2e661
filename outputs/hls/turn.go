package hls

import (
	"maps"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

// restart notes that the timeline under way is over; the next one waits for a key
// unit of the same lead.
func (s *segmenter) restart() {
	if !s.waiting {
		s.to = s.lead
	}
	s.waiting, s.broken = true, true
}

// turn starts a timeline with u, the first unit of the lead-to-be.
func (s *segmenter) turn(u *media.Unit) {
	at := u.Track.Rate.Duration(u.PTS)
	b := boundary{
		msn: s.current.msn + 1, at: at, end: at, discontinuity: true,
		starts: s.keepSilent(), key: u.Flags.Has(media.Key),
	}
	if s.started {
		b.end = min(at, s.lead.cut.end())
	}
	if s.started || s.store.continued {
		s.cc++
	}
	b.cc = s.cc
	s.advance(min(b.end, u.Time())) // what passengers have belongs to the old timeline
	s.current = b
	s.bounds = append(s.bounds, b)
	old := s.lead
	s.lead, s.to, s.started, s.waiting, s.broken = s.to, nil, true, false, false
	for n, ok := s.nextBound(s.lead); ok; n, ok = s.nextBound(s.lead) {
		s.pass(s.lead, n, nil) // a lane that comes to lead may be behind
	}
	s.shape(old)
	s.boardPassengers(b)
	s.lead.put(u)
	s.lastKey = u.DTS
	s.store.list(s.lanes, b)
	s.frontier = never
	for _, l := range s.lanes {
		l.hears(max(l.heard, u.Time()))
		l.came = l == s.lead
	}
	s.advance(u.Time())
}

// boardPassengers tells the lanes without renditions which they are written into.
func (s *segmenter) boardPassengers(b boundary) {
	for _, p := range s.lanes {
		if !p.passenger {
			continue
		}
		p.track, p.riders = b.starts[p], nil
		for _, l := range s.lanes {
			if l.kind == media.KindVideo && b.starts[l] != nil {
				p.riders = append(p.riders, l.cut)
			}
		}
	}
}

// keepSilent is starts, with the audio tracks of the timeline under way that have
// gone but can go on in silence.
func (s *segmenter) keepSilent() map[*lane]*media.Track {
	starts := maps.Clone(s.starts)
	for _, l := range s.lanes {
		if l.kind == media.KindAudio && s.cfg.fmp4() && starts[l] == nil && l.track != nil && bitstream.Silence(l.track) != nil {
			starts[l] = l.track
		}
	}
	return starts
}

// turnLane prepares a lane for the timeline that starts at b.
func (s *segmenter) turnLane(l *lane, b boundary) {
	l.track, l.init = b.starts[l], nil
	if l.track == nil {
		return
	}
	if err := s.container(l, b); err != nil {
		// The track was looked at before; this is a defect of ours.
		s.notes.leaveOut(l.track, err)
		l.track = nil
	}
}

// container makes the muxer and, for fMP4, the initialisation section.
func (s *segmenter) container(l *lane, b boundary) error {
	c := l.cut
	c.out = s.store.rendition(l.name)
	c.rate, c.last = l.track.Rate, 0
	if !s.cfg.fmp4() {
		mux, err := newTransport(l.track, l.layer, s.passengersOf(b))
		c.mux = mux
		return err
	}
	data, err := fmp4.Init(fmp4.Stream{Track: l.track, Layer: l.layer})
	if err != nil {
		return err
	}
	mux, err := newFragments(l.track.Codec)
	if err != nil {
		return err
	}
	c.mux = mux
	l.init = &section{name: c.out.names.init(b.cc), piece: made(data)}
	return nil
}

// passengersOf are the tracks that are written into the renditions of others.
func (s *segmenter) passengersOf(b boundary) []*media.Track {
	var ts []*media.Track
	for _, l := range s.lanes {
		if l.passenger && b.starts[l] != nil {
			ts = append(ts, b.starts[l])
		}
	}
	return ts
}

// shape fixes what playlists promise, once the first segment of a lead is there.
func (s *segmenter) shape(lead *lane) {
	if s.store.shape() != nil || lead == nil {
		return
	}
	all := lead.cut.out.load().segments
	if len(all) == 0 {
		return
	}
	sh := s.cfg.shape(all[len(all)-1].duration, s.time.part)
	s.time.limit = sh.limit()
	s.store.setShape(sh)
}

// slack is how much longer than TARGETDURATION a segment may be: less than half a
// second, which is rounded down (RFC 8216 section 4.3.3.1).
const slack = 400 * time.Millisecond

// limit is the longest that a segment may be.
func (s *shape) limit() time.Duration { return time.Duration(s.target)*time.Second + slack }
