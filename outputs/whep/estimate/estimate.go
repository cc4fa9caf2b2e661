package estimate

import (
	"math"
	"time"

	"weir/pipeline/service/rtc/egress"
)

const (
	// Least is what an estimate never falls below, in bit/s.
	Least = 50_000

	decrease = 0.85 // of what got through, when a queue grows
	growth   = 1.08 // a second, far from where the path was full
	// lossy is the loss from which on the rate is taken back. Below it loss is the
	// path's, not the rate's: sending less would not help.
	lossy    = 0.15
	lossLife = time.Second // what loss is averaged over
	// headroom is how far above what gets through the estimate may grow: what was
	// not tried is not known.
	headroom = 1.5
	// near is the relative distance to the rate at which the path was full last time
	// from which on the rate grows by small steps only.
	near = 0.12
)

// Estimator estimates how much one path takes. It belongs to one goroutine.
type Estimator struct {
	delay    detector
	received throughput

	rate float64 // bit/s
	full float64 // what got through when the path was full; 0 if that is not known
	loss float64
	rtt  time.Duration

	fed, reduced, lost time.Duration // when
	begun, stepped     bool
}

// New begins with a guess in bit/s.
func New(start int64) *Estimator {
	return &Estimator{rate: max(float64(start), Least), rtt: 100 * time.Millisecond}
}

// Rate is the estimate in bit/s.
func (e *Estimator) Rate() int64 { return int64(e.rate) }

// Received is what has got through over the last half second, in bit/s; 0 if that
// is not known yet.
func (e *Estimator) Received() int64 { return e.received.rate() }

// Loss is the part of packets lost over about the last second, 0 to 1.
func (e *Estimator) Loss() float64 { return e.loss }

// Usage is what the delay says.
func (e *Estimator) Usage() Usage { return e.delay.usage }

// Stepped says whether the rate was taken back within the last d before the newest
// feedback: then loss comes from what is sent.
func (e *Estimator) Stepped(d time.Duration) bool { return e.stepped && e.fed-e.reduced < d }

// RTT tells the round-trip time, which the pace of growth depends on.
func (e *Estimator) RTT(d time.Duration) {
	if d > 0 {
		e.rtt = min(d, time.Second)
	}
}

// Feed takes one feedback message, whose arrivals are in the order of sending. now
// rises from call to call; its zero does not matter.
func (e *Estimator) Feed(now time.Duration, arrivals []egress.Arrival) {
	over, known, lost := false, 0, 0
	for _, a := range arrivals {
		if a.Size == 0 {
			continue
		}
		known++
		if a.Lost {
			lost++
			continue
		}
		e.received.add(a.Received, a.Size)
		e.delay.add(a.Sent, a.Received)
		over = over || e.delay.usage == Over
	}
	if known == 0 {
		return
	}
	passed := min(now-e.fed, time.Second)
	if !e.begun {
		passed = 0
	}
	e.fed, e.begun = now, true
	keep := math.Exp(-passed.Seconds() / lossLife.Seconds())
	e.loss = keep*e.loss + (1-keep)*float64(lost)/float64(known)
	e.decide(now, passed, over)
}

// decide moves the rate: at most one step back in a while, else on.
func (e *Estimator) decide(now, passed time.Duration, over bool) {
	got := float64(e.received.rate())
	switch {
	case got == 0:
		// Nothing can be said before half a second.
	case over && now-e.reduced >= e.patience():
		e.back(now, decrease*got)
		e.full = got
	case e.loss > lossy && now-e.lost >= lossLife:
		e.lost = now
		e.back(now, got)
	case e.delay.usage == Normal && e.loss <= lossy:
		e.on(passed, got)
	}
}

// patience is how long the effect of a step back is waited for.
func (e *Estimator) patience() time.Duration { return e.rtt + 200*time.Millisecond }

func (e *Estimator) back(now time.Duration, to float64) {
	e.rate = max(min(e.rate, to), Least)
	e.reduced, e.stepped = now, true
}

// on lets the rate grow.
func (e *Estimator) on(passed time.Duration, got float64) {
	if e.full != 0 && got > e.full*(1+near) {
		e.full = 0 // the path has become another one
	}
	grown := e.rate
	if e.full != 0 && math.Abs(e.rate-e.full) < near*e.full {
		// About one packet in a response time (section 5.5).
		grown += 1200 * 8 * passed.Seconds() / (e.rtt + 100*time.Millisecond).Seconds()
	} else {
		grown *= math.Pow(growth, passed.Seconds())
	}
	// What has got through without a queue is surely possible.
	e.rate = max(e.rate, min(grown, headroom*got+10_000), got)
}
