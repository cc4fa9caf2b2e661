package whep

import (
	"slices"
	"time"

	"weir/outputs/whep/estimate"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc/egress"
)

const (
	// pacing is how much faster than the estimate, or than the layer, pictures may
	// leave; joining is the same for those who catch up, and leastPace the least, in
	// bytes a second.
	pacing    = 2.5
	joining   = 4
	leastPace = 250_000
	strain    = 0.2
)

// probe is a rate that is tried on a viewer's path.
type probe struct {
	rate int64 // bit/s; 0 is none
	sent time.Time
}

// first is the layer that a viewer starts with.
func (v *viewer) first(t *media.Track, rungs []rung, start int64) int8 {
	if layer, ok := layerNamed(t, v.wanted); ok && among(rungs, layer) {
		return layer
	}
	return rungs[highest(rungs, start)].layer
}

func among(rungs []rung, layer int8) bool {
	return slices.ContainsFunc(rungs, func(r rung) bool { return r.layer == layer })
}

// layerNamed is the index of a layer.
func layerNamed(t *media.Track, name string) (int8, bool) {
	if name == "" {
		return 0, false
	}
	for i, l := range t.Layers {
		if l.Name == name {
			return int8(i), true
		}
	}
	return 0, false
}

// estimate is what the viewer's path takes, in bit/s.
func (v *viewer) estimate() int64 {
	if v.estimator == nil {
		return v.remb
	}
	rate := v.estimator.Rate()
	if v.remb > 0 {
		rate = min(rate, v.remb)
	}
	return rate
}

// strained says that a path loses a good part of what is sent.
func (v *viewer) strained() bool { return v.estimator != nil && v.estimator.Loss() > strain }

// report notes what a viewer without better feedback says of loss: he gets a guess
// that follows it.
func (v *viewer) report(r egress.Report) {
	v.path.report(r)
	if v.estimator != nil {
		v.estimator.RTT(r.RTT)
		return
	}
	if !v.guessing {
		return
	}
	switch {
	case r.Loss > 0.15:
		v.remb = max(v.remb*3/4, estimate.Least)
	case r.Loss < 0.05:
		v.remb = min(v.remb*21/20, 1e9)
	}
}

// reason is what a session's end is counted as.
func (v *viewer) reason(r egress.Reason) string {
	if v.leaving != "" {
		return v.leaving
	}
	switch r {
	case egress.NoConnect:
		return endedUnconnected
	case egress.NoConsent:
		return endedVanished
	case egress.BadHandshake:
		return endedHandshake
	case egress.ByPeer:
		return endedPeer
	default:
		return endedStream
	}
}

// leave ends a viewer's session.
func (v *viewer) leave(why string) {
	if v.leaving == "" {
		v.leaving = why
		v.session.Close()
	}
}

// review chooses every viewer's layers and pace anew.
func (s *shard) review(now time.Time) {
	ladders := make(map[media.TrackID][]rung)
	for _, t := range s.lineup.tracks {
		if t.Kind() == media.KindVideo {
			ladders[t.ID] = s.rungs(t, now)
		}
	}
	for _, v := range s.viewers {
		if v.pass.Ended(now) != nil {
			v.leave(endedPass)
		}
		if !v.connected {
			continue
		}
		wanted := int64(0)
		for _, g := range v.legs {
			if g.lane != nil && g.lane.flow.reordered() {
				v.leave(endedReordered) // the player has HLS
			}
			if rungs := ladders[g.track]; g.video() && len(rungs) > 0 {
				wanted = max(wanted, s.choose(g, rungs, now))
			}
		}
		s.setProbe(v, wanted, now)
		v.strengthen(&s.house.cfg, now)
		v.bucket.rate = s.pace(v)
	}
	for _, g := range s.waiting {
		s.request(g, now)
	}
	s.house.uses(s.lanes, s.waiting, s.trailing, now)
	if now.Sub(s.shown.Load().at) >= time.Second {
		s.show(now)
	}
}

// show publishes what the shard does.
func (s *shard) show(now time.Time) {
	sh := &shown{layers: make(map[string]int), at: now}
	for _, v := range s.viewers {
		if !v.connected {
			continue
		}
		sh.watching++
		v.measure(now)
		for _, g := range v.legs {
			switch t := s.lineup.track(g.track); {
			case g.lane == nil:
				sh.layers["waiting"]++
			case t != nil && len(t.Layers) > 1:
				sh.layers[string(g.track)+"/"+t.Layers[g.lane.flow.layer].Name]++
			default:
				sh.layers[string(g.track)]++
			}
		}
	}
	s.shown.Store(sh)
}

// measure notes what is sent, about once a second.
func (v *viewer) measure(now time.Time) {
	bytes := v.session.Stats().Bytes
	if passed := now.Sub(v.sent.at); !v.sent.at.IsZero() && passed > 0 {
		v.sending.Store(int64(float64(bytes-v.sent.bytes) * 8 / passed.Seconds()))
	}
	v.sent.bytes, v.sent.at = bytes, now
}

// choose sets a leg's target and returns the rate that shall be probed.
func (s *shard) choose(g *leg, rungs []rung, now time.Time) (probe int64) {
	v, t := g.viewer, s.lineup.track(g.track)
	if layer, ok := layerNamed(t, v.wanted); ok && among(rungs, layer) {
		s.retarget(g, layer, now)
		return 0
	}
	if len(rungs) == 1 {
		s.retarget(g, rungs[0].layer, now)
		return 0
	}
	if g.until.After(now) && v.strained() {
		g.until = time.Time{} // catching up is too much already
	}
	if (g.until.After(now) || g.lane == nil) && among(rungs, g.target) {
		return 0 // what it does now says nothing about the path
	}
	d := g.ladder.choose(now, rungs, g.target, v.estimate(), v.estimator == nil)
	s.retarget(g, d.layer, now)
	return d.probe
}

// retarget makes a leg change to a layer as soon as that has a key picture.
func (s *shard) retarget(g *leg, layer int8, now time.Time) {
	if g.target != layer {
		g.target, g.asked = layer, time.Time{}
	}
	if !g.switching() {
		return
	}
	if g.standing == live {
		s.follow(g, g.lane.next)
	}
	s.request(g, now)
}

// pace is what a viewer's pictures may leave with, in bytes a second.
func (s *shard) pace(v *viewer) int64 {
	rate := int64(pacing * float64(v.estimate()) / 8)
	for _, g := range v.legs {
		if g.lane == nil || !g.video() {
			continue
		}
		factor := pacing
		if !g.until.IsZero() {
			factor = joining
		}
		rate = max(rate, int64(factor*float64(g.lane.flow.bitrate.Load())/8))
	}
	return max(rate, leastPace)
}

func (s *shard) setProbe(v *viewer, rate int64, now time.Time) {
	switch {
	case v.probe.rate == 0 && rate != 0:
		s.probing++
		v.probe.sent = now
	case v.probe.rate != 0 && rate == 0:
		s.probing--
	}
	v.probe.rate = rate
}

// probe sends those who are probed what they have already, so that the rate is
// reached.
func (s *shard) probe(now time.Time) {
	if s.probing == 0 {
		return
	}
	for _, v := range s.viewers {
		if v.probe.rate == 0 {
			continue
		}
		for _, g := range v.legs {
			if !g.video() || g.lane == nil {
				continue
			}
			missing := max(0, v.probe.rate-g.lane.flow.bitrate.Load()) / 8
			bytes := missing * int64(min(now.Sub(v.probe.sent), reviewEvery)) / int64(time.Second)
			if bytes >= 1200 {
				s.sender.Probe(g.stream, int(bytes))
				v.probe.sent = now
			}
			break
		}
	}
}
