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
	rounds = 3
	// nagging is how long a player waits before it asks for a packet once more. It
	// does not know the round-trip time.
	nagging = 100 * time.Millisecond
	// longestHold and shortestHold bound what players are told to hold pictures back.
	longestHold  = 800 * time.Millisecond
	shortestHold = 50 * time.Millisecond
	// mostEchoes is how many packets of sound are sent again at a time.
	mostEchoes = 8
	// freeHold is the upper end of what they may choose themselves.
	freeHold = 10 * time.Second
)

// path is what is known of a viewer's path beside its rate.
type path struct {
	rtt, jitter time.Duration
	trouble     time.Time     // when it was last lossy
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
	want := max(p.rtt+nagging*rounds+4*p.jitter, p.held).Round(10 * time.Millisecond)
	return min(max(want, shortestHold), longestHold)
}

// strengthen makes up for a viewer's lossy path: retransmissions are sent twice, sound too, and
// the player holds pictures back for as long as they take. Loss that comes with a
// queue is answered by sending less, not more.
func (v *viewer) strengthen(cfg *Config, now time.Time) {
	if v.estimator == nil {
		return
	}
	loss := v.estimator.Loss()
	hold, copies := v.path.hold(loss, now), 1
	if loss > lossy && loss < strain && !v.estimator.Stepped(settled) {
		copies = 2
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
		if g.viewer.path.held > 0 {
			s.sender.Echo(g.stream, min(n, mostEchoes))
		}
	}
}
