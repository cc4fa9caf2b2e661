package rtmpd

import (
	"maps"
	"sync/atomic"
)

// Refusal is why a connection ended without, or before, a good end.
type Refusal uint8

// The reasons.
const (
	// RefusedConnections: Limits.Connections were open.
	RefusedConnections Refusal = iota
	// RefusedAddress: Limits.PerAddress were open from there.
	RefusedAddress
	// RefusedDisplaced: it had not published when Limits.Pending newer ones came.
	RefusedDisplaced
	// RefusedHandshake: no handshake, or not in time.
	RefusedHandshake
	// RefusedSlow: no publish in time.
	RefusedSlow
	// RefusedProtocol: it broke the protocol or a limit.
	RefusedProtocol
	// RefusedIdle: a publisher fell silent.
	RefusedIdle
	// RefusedPublish: the Handler or the address refused.
	RefusedPublish
	refusals
)

// String is the reason's name in metrics.
func (r Refusal) String() string {
	return [...]string{"connections", "address", "displaced", "handshake", "slow", "protocol", "idle", "publish"}[min(r, refusals-1)]
}

// Stats is a snapshot of a Server.
type Stats struct {
	// Connections are open now, of at most MaxConnections; Pending of them do not
	// publish yet, Publishers do.
	Connections, MaxConnections, Pending, Publishers int
	// Accepted connections since the start, and accepted publishes.
	Accepted, Published uint64
	// Refused connections since the start, by reason.
	Refused map[Refusal]uint64
	// AcceptErrors counts failures to accept, such as too many open files; after
	// each, accepting pauses. Paused says that it does so now.
	AcceptErrors uint64
	Paused       bool
	// Panics counts those that were caught. Each cost one connection.
	Panics uint64
}

// counters are the counters of Stats.
type counters struct {
	accepted, published, acceptErrors, panics atomic.Uint64
	paused                                    atomic.Int32 // listeners
	refused                                   [refusals]atomic.Uint64
}

// fill completes a snapshot.
func (c *counters) fill(s *Stats) {
	s.Accepted, s.Published = c.accepted.Load(), c.published.Load()
	s.AcceptErrors, s.Paused = c.acceptErrors.Load(), c.paused.Load() > 0
	s.Panics = c.panics.Load()
	s.Refused = maps.Collect(func(yield func(Refusal, uint64) bool) {
		for r := range refusals {
			if !yield(r, c.refused[r].Load()) {
				return
			}
		}
	})
}
