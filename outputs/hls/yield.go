package hls

import "weir/pipeline/media"

// outruns says whether a layer goes on while the lead, another layer of the same
// pictures, does not: it is left out for a while, or its publisher does not send it any
// more. Nothing may wait for it then. u is the layer's newest unit.
func (s *segmenter) outruns(l *lane, u *media.Unit) bool {
	return s.started && !s.waiting && s.lead.kind == media.KindVideo && l.kind == media.KindVideo && l.id == s.lead.id &&
		sameConfig(u.Track, l.track, l.layer) && u.Time()-s.frontier >= quiet
}

// yield makes a layer the lead on the timeline under way, in the place of one that it
// outruns. The layers have the same clock and the same bounds, so that nothing else
// changes.
func (s *segmenter) yield(l *lane) {
	s.follow(l)
	if _, behind := s.nextBound(l); behind {
		return
	}
	if l.cut.held == nil { // what comes next is the first of its segment, or of what is there of it
		if len(l.pending) == 0 || l.put(l.pending[0]) != "" {
			return
		}
		l.shift(1)
	}
	s.lead = l
	waits := l.pending
	l.pending = nil
	for _, u := range waits {
		s.unit(u)
	}
}
