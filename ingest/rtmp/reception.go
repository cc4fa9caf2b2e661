package rtmp

import (
	"weir/ingest/reception"
	"weir/pipeline"
	"weir/pipeline/service/rtmpd"
)

// Sessions implements pipeline.Reception.
func (s *stage) Sessions() []pipeline.Session {
	_, now, taken := s.chair.Now()
	if !taken {
		return nil
	}
	now.Agent = s.status.Standing().Encoder
	return []pipeline.Session{now}
}

// Dismiss implements pipeline.Reception.
func (s *stage) Dismiss(id, why string) bool { return s.chair.Dismiss(id, why) }

// sentAway says a dismissal in RTMP's words.
func sentAway(d *reception.Dismissal) error {
	if d.Refusal != nil {
		return refused(d.Refusal)
	}
	return rtmpd.Denied(d.Message)
}

var _ pipeline.Reception = (*stage)(nil)
