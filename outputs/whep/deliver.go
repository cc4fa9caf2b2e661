package whep

import (
	"slices"
	"time"

	"weir/pipeline/media"
)

const (
	// mostBehind is how long what a viewer is sent may have been here already. Then
	// it is skipped to a key picture.
	mostBehind = 500 * time.Millisecond
	// gathering is how long the rest of a picture is waited for, so that it leaves
	// together.
	gathering = 2 * time.Millisecond
	// batch is how many packets are sent at a time.
	batch = 128
)

// deliver sends what is new of a flow to all who are live.
func (s *shard) deliver(l *lane, now time.Time) {
	head := l.flow.head.Load()
	if head == l.next {
		return
	}
	s.keepUp(l, head, now)
	for l.next < head {
		if u := l.flow.at(l.next); u != nil && l.video() && u.Flags.Has(media.Key) {
			s.admit(l, u, now)
		}
		run := s.picture(l.flow, l.next, head)
		if len(run) == 0 {
			l.next = head // overwritten under our eyes
			s.skipAll(l, now)
			return
		}
		if l.next+uint64(len(run)) == head && s.gather(run, now) {
			return
		}
		s.play(l, run, now)
		l.next += uint64(len(run))
		l.sent = run[len(run)-1].PTS
	}
}

// picture is what is held from packet n on, to the end of its picture at most.
func (s *shard) picture(f *flow, n, head uint64) []*media.Unit {
	s.units = s.units[:0]
	for ; n < head && len(s.units) < batch; n++ {
		u := f.at(n)
		if u == nil || len(s.units) > 0 && u.Flags.Has(media.Key) && u.Kind() == media.KindVideo {
			break // a key picture begins a run
		}
		s.units = append(s.units, u)
		if u.Flags.Has(media.FrameEnd) && u.Kind() == media.KindVideo {
			break
		}
	}
	return s.units
}

// gather says that more of a picture is about to come.
func (s *shard) gather(run []*media.Unit, now time.Time) bool {
	last := run[len(run)-1]
	if last.Flags.Has(media.FrameEnd) || now.Sub(run[0].Arrived) >= gathering {
		return false
	}
	s.gathering = true
	return true
}

// keepUp skips what has waited too long. If that was for this shard, whose turn before
// this one began so long ago, it has more to do than it can; else it came late, all at
// once, from a worker that has just begun, say.
func (s *shard) keepUp(l *lane, head uint64, now time.Time) {
	if u := l.flow.at(l.next); u != nil && l.flow.behind(u) <= mostBehind {
		return
	}
	l.next = start(l, head)
	if len(l.legs) > 0 {
		if now.Sub(s.turned) > mostBehind/2 {
			s.house.late(now)
		}
		s.skipAll(l, now)
	}
}

// start is where a lane without listeners goes on: at the newest key picture, so
// that those who wait do not miss it, else at the head.
func start(l *lane, head uint64) uint64 {
	if key := l.flow.key.Load(); key > l.next {
		return key - 1
	}
	return head
}

// skipAll makes all who are live go on at the lane's next packet: at once if it
// begins a key picture, else when one comes.
func (s *shard) skipAll(l *lane, now time.Time) {
	for len(l.legs) > 0 {
		g := l.legs[len(l.legs)-1]
		g.stream.Skip()
		if !g.video() {
			return // sound has no pictures to wait for
		}
		s.house.count(skippedLate)
		s.wait(g, now)
	}
}

// admit makes live those who wait for a key picture of this lane, which comes next.
func (s *shard) admit(l *lane, key *media.Unit, now time.Time) {
	id, layer := l.flow.track, l.flow.layer
	for _, g := range slices.Backward(s.waiting) { // backward, since some leave it
		if g.track == id && (g.target == layer || now.Sub(g.asked) > askAgain/2) {
			s.attach(g, l)
		}
	}
	for _, g := range slices.Backward(s.trailing) {
		if g.track != id || g.target != layer || !g.switching() {
			continue
		}
		s.lead(g, key)
		if g.sent >= key.PTS {
			s.request(g, now) // its time has been shown already: the next one
			continue
		}
		s.attach(g, l)
	}
}

// attach makes a leg live.
func (s *shard) attach(g *leg, l *lane) {
	s.detach(g)
	g.lane, g.standing, g.until = l, live, time.Time{}
	g.viewer.skipped = time.Time{}
	l.legs = append(l.legs, g)
	if g.switching() { // another layer than it wants was there first
		s.follow(g, l.next)
	}
}

// lead sends a leg that switches layers what is held of the old one from before the
// new one's key picture.
func (s *shard) lead(g *leg, key *media.Unit) {
	f := g.lane.flow
	head := f.head.Load()
	for g.next < head {
		run := s.picture(f, g.next, head)
		if len(run) == 0 || run[0].PTS >= key.PTS {
			return
		}
		s.give(g, run)
	}
}

// give sends packets to one who trails.
func (s *shard) give(g *leg, run []*media.Unit) {
	s.streams = append(s.streams[:0], g.stream)
	s.sender.Send(run, s.streams)
	g.next += uint64(len(run))
	g.sent = run[len(run)-1].PTS
}

// play sends packets to all who are live and may take them now; the others trail.
func (s *shard) play(l *lane, run []*media.Unit, now time.Time) {
	s.streams = s.streams[:0]
	video, bytes := l.video(), int64(0)
	for _, u := range run {
		bytes += int64(len(u.RTP.Payload)) + overhead
	}
	kept := l.legs[:0]
	for _, g := range l.legs {
		if video && !g.viewer.bucket.take(bytes, now) {
			s.fallBack(g, l)
			continue
		}
		kept = append(kept, g)
		s.streams = append(s.streams, g.stream)
	}
	clear(l.legs[len(kept):])
	l.legs = kept
	if len(s.streams) == 0 {
		return
	}
	s.sender.Send(run, s.streams)
	if !video {
		s.echo(l, len(run))
	}
}

// overhead is what a packet has beside its payload: IP, UDP, RTP with extensions,
// the SRTP tag.
const overhead = 70

// fallBack makes a leg trail from the lane's next packet on. The caller takes it off
// the lane.
func (s *shard) fallBack(g *leg, l *lane) {
	g.standing, g.next, g.sent = trailing, l.next, l.sent
	s.trailing = append(s.trailing, g)
}
