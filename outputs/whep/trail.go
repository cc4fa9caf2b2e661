package whep

import (
	"cmp"
	"slices"
	"time"

	"weir/pipeline/media"
)

const (
	// longestTail is how old a held key picture may be that a viewer starts at: all
	// that came since has to be sent, too, faster than it was made.
	longestTail = 4 * time.Second
	tailBytes   = 4 << 20
	// catchUp is how long that may take.
	catchUp = 3 * time.Second
	// switchLag is how much later a viewer is served while he waits for another
	// layer, so that the time of its key picture has not been shown on the old one.
	// Where pictures are rare, longestLag is enough.
	switchLag  = 40 * time.Millisecond
	longestLag = 200 * time.Millisecond
	// tooSlow is how long a viewer may be given nothing but skips.
	tooSlow = 20 * time.Second
)

// begin starts a leg: sound at once, pictures at the key picture that is held, of
// the layer that fits best, or else of any.
func (s *shard) begin(g *leg, now time.Time) {
	g.standing = waiting
	s.waiting = append(s.waiting, g)
	t := s.lineup.track(g.track)
	if t == nil {
		return
	}
	if !g.video() {
		if l := s.lane(g.track, 0); l != nil {
			s.attach(g, l)
		}
		return
	}
	rungs := s.rungs(t, now)
	g.target = g.viewer.first(t, rungs, s.house.cfg.start())
	order := []int8{g.target}
	for _, r := range rungs {
		order = append(order, r.layer)
	}
	for _, layer := range order {
		if l := s.lane(g.track, layer); l != nil && s.tail(g, l, now) {
			break
		}
	}
	if g.standing == waiting || g.switching() {
		s.request(g, now)
	}
}

// tail starts a leg at the held key picture of a lane.
func (s *shard) tail(g *leg, l *lane, now time.Time) bool {
	key, ok := l.flow.freshKey(now, longestTail)
	if !ok || key >= l.next {
		return false // it is about to be delivered, anyway
	}
	if rate := l.flow.bitrate.Load(); rate/8*int64(now.Sub(l.flow.at(key).Arrived)/time.Millisecond)/1000 > tailBytes {
		return false
	}
	s.follow(g, key)
	g.lane, g.until = l, now.Add(catchUp)
	return true
}

// follow makes a leg trail from a packet on.
func (s *shard) follow(g *leg, next uint64) {
	l := g.lane
	s.detach(g)
	g.lane, g.standing, g.next = l, trailing, next
	if l != nil {
		g.sent = l.sent
	} else {
		g.sent = -1 << 62
	}
	s.trailing = append(s.trailing, g)
}

// trail serves those who are behind.
func (s *shard) trail(now time.Time) {
	for _, g := range slices.Backward(s.trailing) { // backward, since some leave it
		g.viewer.bucket.fill(now)
		if !s.advance(g, now) {
			s.skip(g, now)
		} else if g.next == g.lane.next && !g.switching() {
			s.attach(g, g.lane)
		}
	}
}

// advance sends what the viewer may take. It reports false for one who is too far
// behind.
func (s *shard) advance(g *leg, now time.Time) bool {
	f, end := g.lane.flow, g.lane.next
	for g.next < end {
		run := s.picture(f, g.next, end)
		if len(run) == 0 {
			return false
		}
		if g.tooLate(run[0], now) {
			return false
		}
		if g.switching() && f.behind(run[0]) < switchLag && now.Sub(run[0].Arrived) < longestLag {
			return true
		}
		if run = g.viewer.afford(run); len(run) == 0 {
			return true
		}
		s.give(g, run)
	}
	return true
}

// tooLate says whether a viewer is too far behind with what comes next.
func (g *leg) tooLate(next *media.Unit, now time.Time) bool {
	if now.Before(g.until) {
		return false
	}
	g.until = time.Time{}
	return g.lane.flow.behind(next) > mostBehind
}

// afford is as much of a run as the bucket lets pass.
func (v *viewer) afford(run []*media.Unit) []*media.Unit {
	for i, u := range run {
		n := int64(len(u.RTP.Payload)) + overhead
		if v.bucket.tokens < n {
			return run[:i]
		}
		v.bucket.tokens -= n
	}
	return run
}

// skip leaves out what a viewer is behind with: it goes on at the newest key picture
// that is young enough, or waits for one.
func (s *shard) skip(g *leg, now time.Time) {
	s.house.count(skippedSlow)
	v := g.viewer
	if v.skipped.IsZero() {
		v.skipped = now
	} else if now.Sub(v.skipped) > tooSlow {
		v.leave(endedSlow)
	}
	g.stream.Skip()
	if key, ok := g.lane.flow.freshKey(now, mostBehind/2); ok && key > g.next {
		g.next, g.until = key, time.Time{}
		return
	}
	s.wait(g, now)
}

// rungs are the layers of a track with what they take, the cheapest first. Those that
// the source has stopped are left out, unless all are or it was told to.
func (s *shard) rungs(t *media.Track, now time.Time) []rung {
	rungs, all := make([]rung, 0, len(t.Layers)), make([]rung, 0, len(t.Layers))
	for i, layer := range t.Layers {
		r, f := rung{int8(i), layer.Bitrate}, s.lineup.flow(t.ID, int8(i))
		if rate := f.bitrate.Load(); rate > 0 {
			r.rate = rate
		}
		if r.rate == 0 {
			r.rate = int64(layer.Width) * int64(layer.Height) * 3 // a guess that has the right order
		}
		all = append(all, r)
		if !f.dead(now) || s.house.paused(layerKey{t.ID, int8(i)}) {
			rungs = append(rungs, r)
		}
	}
	if len(rungs) == 0 {
		rungs = all
	}
	slices.SortStableFunc(rungs, func(a, b rung) int { return cmp.Compare(a.rate, b.rate) })
	return rungs
}
