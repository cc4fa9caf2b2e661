package whip

import "weir/pipeline"

// Sessions implements pipeline.Reception.
func (s *stage) Sessions() []pipeline.Session {
	peer, now, taken := s.chair.Now()
	if !taken {
		return nil
	}
	if stats := peer.Stats(); stats != nil {
		now.Detail = stats
	}
	return []pipeline.Session{now}
}

// Dismiss implements pipeline.Reception. WHIP has no words for why.
func (s *stage) Dismiss(id, why string) bool { return s.chair.Dismiss(id, why) }

var _ pipeline.Reception = (*stage)(nil)
