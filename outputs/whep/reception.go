package whep

import (
	"slices"

	"weir/pipeline"
)

// Sessions implements pipeline.Reception.
func (s *stage) Sessions() []pipeline.Session {
	h := s.house.Load()
	if h == nil {
		return nil
	}
	seats := h.seats()
	all := make([]pipeline.Session, len(seats))
	for i, st := range seats {
		stats := st.session.Stats()
		all[i] = pipeline.Session{
			ID: st.name, Protocol: "whep", Remote: st.guest.remote, Agent: st.guest.agent,
			Since: st.since, Bytes: stats.Bytes, Bitrate: st.rate.Load(),
			Detail: Watched{
				State: stats.State.String(), TCP: stats.TCP, RTTMS: stats.RTT.Milliseconds(),
				Packets: stats.Packets, Retransmitted: stats.Retransmitted,
			},
		}
		if st.guest.pass != nil {
			all[i].Subject = st.guest.pass.Subject
		}
	}
	return all
}

// Watched is what a session shows beside what all have.
type Watched struct {
	State         string `json:"state"` // opened, checked, live
	TCP           bool   `json:"tcp"`
	RTTMS         int64  `json:"rtt_ms"`
	Packets       uint64 `json:"packets"`
	Retransmitted uint64 `json:"retransmitted"`
}

// Dismiss implements pipeline.Reception. WHEP has no words for why: the viewer's
// connection ends.
func (s *stage) Dismiss(id, why string) bool {
	h := s.house.Load()
	if h == nil {
		return false
	}
	for _, st := range h.seats() {
		if st.name == id {
			h.env.Log.Info("viewer is sent away", "remote", st.guest.remote.String(), "why", why)
			st.leave(endedDismissed)
			h.release(st)
			return true
		}
	}
	return false
}

// seats are those of the sessions that there are, the oldest first.
func (h *house) seats() []*seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*seat, 0, len(h.byID))
	for _, st := range h.byID {
		all = append(all, st)
	}
	slices.SortFunc(all, func(a, b *seat) int { return a.since.Compare(b.since) })
	return all
}

var _ pipeline.Reception = (*stage)(nil)
