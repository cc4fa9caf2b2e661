package netimp

import (
	"math/rand/v2"
	"time"
)

// Path is one way through a Link. The zero value is perfect.
type Path struct {
	// Delay is how late packets are, and Jitter how much more or less that may be.
	Delay, Jitter time.Duration
	// Loss and Reorder are parts of all packets, 0 to 1: those that get lost, and those
	// that may overtake others.
	Loss, Reorder float64
	// Rate is in bit/s; 0 is unlimited. Queue is how long packets may wait for it; 0 is
	// 200 ms.
	Rate  int64
	Queue time.Duration
	// Closed lets nothing through, and NoUDP no UDP.
	Closed, NoUDP bool
}

const defaultQueue = 200 * time.Millisecond

// schedule is what a Path makes of a row of packets.
type schedule struct {
	noise *rand.Rand
	free  time.Time // when the link has sent what waits for it
	last  time.Time // when the latest packet arrives
}

// arrival is when a packet of so many bytes that is sent now arrives; false is never.
func (s *schedule) arrival(p *Path, packet []byte, now time.Time) (time.Time, bool) {
	if p.Closed || p.NoUDP && isUDP(packet) || s.noise.Float64() < p.Loss {
		return time.Time{}, false
	}
	at := now
	if p.Rate > 0 {
		queue := p.Queue
		if queue == 0 {
			queue = defaultQueue
		}
		if s.free.Before(now) {
			s.free = now
		}
		if s.free.Sub(now) > queue {
			return time.Time{}, false
		}
		s.free = s.free.Add(time.Duration(int64(len(packet)) * 8 * int64(time.Second) / p.Rate))
		at = s.free
	}
	at = at.Add(p.Delay + time.Duration((2*s.noise.Float64()-1)*float64(p.Jitter)))
	if at.Before(now) {
		at = now
	}
	if at.Before(s.last) && s.noise.Float64() >= p.Reorder {
		at = s.last
	}
	if at.After(s.last) {
		s.last = at
	}
	return at, true
}

// isUDP says whether an IPv4 packet holds UDP (RFC 791 section 3.1).
func isUDP(b []byte) bool {
	const udp = 17
	return len(b) >= 20 && b[0]>>4 == 4 && b[9] == udp
}
