package whip

import (
	"context"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
)

// sitting is the publisher that is heard, as others see it.
type sitting struct {
	peer  *Peer
	since time.Time
	// sent is what had been sent in all when it came, in bytes.
	sent  uint64
	meter meter
	// end ends it, and says why.
	end context.CancelCauseFunc
}

// Sessions implements pipeline.Reception.
func (s *stage) Sessions() []pipeline.Session {
	now := s.sitting.Load()
	if now == nil {
		return nil
	}
	one := pipeline.Session{
		ID: now.peer.id, Protocol: leaf, Remote: now.peer.From, Agent: access.Printable(now.peer.Agent),
		Since: now.since, Bytes: s.sent() - now.sent, Bitrate: now.meter.late.Load(),
	}
	if stats := now.peer.Stats(); stats != nil {
		one.Detail = stats
	}
	if now.peer.pass != nil {
		one.Subject = now.peer.pass.Subject
	}
	return []pipeline.Session{one}
}

// Dismiss implements pipeline.Reception. WHIP has no words for why.
func (s *stage) Dismiss(id, why string) bool {
	now := s.sitting.Load()
	if now == nil || now.peer.id != id {
		return false
	}
	now.end(dismissal(why))
	return true
}

// sent is what the stage has sent in all, in bytes.
func (s *stage) sent() uint64 {
	if out := s.out.Load(); out != nil {
		return out.Bytes()
	}
	return 0
}

var _ pipeline.Reception = (*stage)(nil)
