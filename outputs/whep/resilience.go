package whep

import (
	"time"

	"weir/pipeline/service/rtc/egress"
)

const (
	// lossy is the loss from which on a viewer's path needs help: retransmissions are
	// lost too, and each further round takes time that the player must have.
	lossy = 0.02
	// calm is how long a path must have been without trouble before its player is
	// told to hold pictures back less.
	calm = 10 * time.Second
	// settled is how long ago the last step back of the estimate must be for loss to be
	// the path's own.
	settled = 2 * time.Second
	// rounds is for how many requests more than the first there shall be time: one in
	// five is lost, or what answers it, where a tenth of all packets is.
	rounds = 4
	// nagging is how long a player waits before it asks for a packet once more. It
	// does not know the round-trip time.
	nagging = 100 * time.Millisecond
	// longestHold and shortestHold bound what players are told to hold pictures back.
	longestHold  = 1200 * time.Millisecond
	shortestHold = 50 * time.Millisecond
	// mostEchoes is how many packets of sound are sent again at a time.
	mostEchoes = 8
	// leastUneven is what players make up for by themselves.
	leastUneven, mostUneven, unevenStep = 200 * time.Millisecond, 1500 * time.Millisecond, 100 * time.Millisecond
	// freeHold is the upper end of what they may choose themselves.
	freeHold = 10 * time.Second
)

// path is what is known of a viewer's path beside its rate.
type path struct {
	rtt, jitter time.Duration
	trouble     time.Time     // when it was last lossy
	trying      time.Duration // what retransmissions take; 0 where nothing is lost
	held        time.Duration // what the player was told last
	told        bool
	copies      int
}

// report notes a reception report.
func (p *path) report(r egress.Report) {
	if r.RTT > 0 {
		p.rtt = min(r.RTT, time.Second)
	}
	p.jitter = min(r.Jitter, time.Second)
}

// hold is how long the player should hold pictures back: time for the rounds of
// retransmission that a lossy path needs, and nothing else on others.
func (p *path) hold(loss float64, now time.Time) time.Duration {
	if loss > lossy {
		p.trouble = now
	}
	if p.trouble.IsZero() || now.Sub(p.trouble) > calm {
		return 0
	}
	want := max(p.rtt+nagging*rounds+4*p.jitter, p.trying).Round(10 * time.Millisecond)
	return min(max(want, shortestHold), longestHold)
}

// strengthen makes up for a viewer's lossy path: retransmissions are sent twice, sound
// too, and the player holds pictures back for as long as they take. Loss that comes with
// a queue is answered by sending less, not more.
func (v *viewer) strengthen(cfg *Config, now time.Time) {
	hold, copies := v.unevenness(), 1
	if v.estimator != nil {
		loss := v.estimator.Loss()
		v.path.trying = v.path.hold(loss, now)
		hold = max(hold, v.path.trying)
		if loss > lossy && loss < strain && !v.estimator.Stepped(settled) {
			copies = 2
		}
	}
	for _, g := range v.legs {
		if !g.video() {
			continue
		}
		if copies != v.path.copies {
			g.stream.SetCopies(copies)
		}
		if hold != v.path.held && (hold > 0 || v.path.told) {
			g.stream.SetDelay(max(hold, cfg.MinDelay), max(hold, cfg.longest()))
			v.path.told = true
		}
	}
	v.path.held, v.path.copies = hold, copies
	v.session.SetRetransmitRate(v.rate()) // half of it is needed where a tenth is lost
}

// unevenness is how long pictures must be held back that the source sends unevenly: a
// publisher's that were lost, and sent again, on the way here. In steps, so that it does
// not follow every packet.
func (v *viewer) unevenness() (most time.Duration) {
	for _, g := range v.legs {
		if g.lane != nil && g.video() {
			most = max(most, time.Duration(g.lane.flow.uneven.Load()))
		}
	}
	if most < leastUneven {
		return 0
	}
	return min(most.Truncate(unevenStep)+unevenStep, mostUneven)
}

// rate is that of the pictures that a viewer is sent, in bytes a second.
func (v *viewer) rate() (bytes int) {
	for _, g := range v.legs {
		if g.lane != nil && g.video() {
			bytes += int(g.lane.flow.bitrate.Load() / 8)
		}
	}
	return bytes
}

// echo sends sound once more to those whose paths lose it: nobody asks for it. One
// packet's time lies between the two, so that not both are lost together.
func (s *shard) echo(l *lane, n int) {
	for _, g := range l.legs {
		if g.viewer.path.trying > 0 {
			s.sender.Echo(g.stream, min(n, mostEchoes))
		}
	}
}
