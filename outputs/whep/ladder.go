package whep

import (
	"slices"
	"time"
)

// rung is a layer and what it takes, in bit/s.
type rung struct {
	layer int8
	rate  int64
}

const (
	// fits and carries are what part of the estimate a layer may take when it is
	// stepped down to, and from which multiple of a layer's rate it is stepped up to.
	fits, carries = 0.9, 1.1
	// tight is the part of a layer's rate that the estimate may fall to; far below,
	// at hopeless, no patience is lost.
	tight, hopeless = 0.95, 0.6
	downPatience    = 400 * time.Millisecond
	upPatience      = 500 * time.Millisecond
	// firstHold and lastHold bound how long nothing higher is tried after a step
	// down. It doubles whenever a step up did not last trialTime.
	firstHold, lastHold = 4 * time.Second, 60 * time.Second
	trialTime           = 10 * time.Second
	// probeTime is how long a probe may take to show that there is room.
	probeTime = 600 * time.Millisecond
	probeOver = 1.25 // times the next layer's rate
)

// ladder chooses the layer of one leg: at once down, with hysteresis up. It is a
// function of what it is told, whose times rise.
type ladder struct {
	tight, roomy time.Time // since when; zero is not so
	held         time.Time // nothing higher before
	hold         time.Duration
	stepped      time.Time // the last step up
	probing      time.Time // since when; zero is not
}

// decision is what a ladder wants.
type decision struct {
	layer int8
	// probe is a rate in bit/s that shall be tried with packets that carry nothing
	// new; 0 is none.
	probe int64
}

// choose decides. rungs are sorted by rate, at least one; at is the present layer,
// estimate what the path takes, in bit/s, and blind says that it can not be probed.
func (l *ladder) choose(now time.Time, rungs []rung, at int8, estimate int64, blind bool) decision {
	i := slices.IndexFunc(rungs, func(r rung) bool { return r.layer == at })
	if i < 0 {
		return decision{layer: rungs[highest(rungs, estimate)].layer}
	}
	if l.hold == 0 {
		l.hold, l.held = firstHold, now.Add(firstHold/4)
	}
	if i > 0 && l.mustFall(now, rungs[i].rate, estimate) {
		return decision{layer: rungs[l.fall(now, rungs[:i], estimate)].layer}
	}
	if i+1 == len(rungs) || now.Before(l.held) {
		l.roomy, l.probing = time.Time{}, time.Time{}
		return decision{layer: at}
	}
	return l.climb(now, rungs[i], rungs[i+1], estimate, blind)
}

func (l *ladder) mustFall(now time.Time, rate, estimate int64) bool {
	if float64(estimate) >= tight*float64(rate) {
		l.tight = time.Time{}
		return false
	}
	if l.tight.IsZero() {
		l.tight = now
	}
	return now.Sub(l.tight) >= downPatience || float64(estimate) < hopeless*float64(rate)
}

// fall is the place of the rung to step down to.
func (l *ladder) fall(now time.Time, lower []rung, estimate int64) int {
	if !l.stepped.IsZero() && now.Sub(l.stepped) < trialTime {
		l.hold = min(2*l.hold, lastHold)
	} else {
		l.hold = firstHold
	}
	l.held, l.tight, l.roomy, l.probing = now.Add(l.hold), time.Time{}, time.Time{}, time.Time{}
	return highest(lower, estimate)
}

// climb decides about the next rung.
func (l *ladder) climb(now time.Time, here, next rung, estimate int64, blind bool) decision {
	if float64(estimate) >= carries*float64(next.rate) {
		l.probing = time.Time{}
		if l.roomy.IsZero() {
			l.roomy = now
		}
		if now.Sub(l.roomy) < upPatience {
			return decision{layer: here.layer}
		}
		return l.step(now, next)
	}
	l.roomy = time.Time{}
	switch {
	case blind:
		return l.step(now, next) // there is no other way to find out
	case l.probing.IsZero():
		l.probing = now
	case now.Sub(l.probing) > probeTime:
		l.hold = min(2*l.hold, lastHold)
		l.held, l.probing = now.Add(l.hold), time.Time{}
		return decision{layer: here.layer}
	}
	return decision{layer: here.layer, probe: int64(probeOver * float64(next.rate))}
}

func (l *ladder) step(now time.Time, to rung) decision {
	l.stepped, l.roomy, l.probing = now, time.Time{}, time.Time{}
	l.held = now.Add(firstHold / 2)
	return decision{layer: to.layer}
}

// highest is the place of the highest rung that fits, or 0.
func highest(rungs []rung, estimate int64) int {
	for i := len(rungs) - 1; i > 0; i-- {
		if float64(rungs[i].rate) <= fits*float64(estimate) {
			return i
		}
	}
	return 0
}
