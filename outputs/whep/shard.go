package whep

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc/egress"
)

const (
	// beat is the time between two moments at which the server wakes up for what need
	// not be done at once: to read a publisher's socket, to read feedback, to send sound.
	beat = 10 * time.Millisecond
	// pollEvery is how often a shard with viewers looks after its sender at least,
	// and paceEvery the same while something is held back.
	pollEvery = 50 * time.Millisecond
	paceEvery = 5 * time.Millisecond
	// reviewEvery is how often the layers are chosen anew.
	reviewEvery = 100 * time.Millisecond
	// mailLimit bounds the commands that wait. Those of HTTP requests are few.
	mailLimit = 4096
)

// shard serves some of the viewers of a stage: one goroutine with one place in the
// feed. All but send and poke belongs to that goroutine.
type shard struct {
	sender *egress.Sender
	feed   *feed
	house  *house
	wake   chan struct{}

	mu   sync.Mutex // guards mail
	mail []command

	viewers  map[*egress.Session]*viewer
	lineup   *lineup
	lanes    []*lane
	turned   time.Time // when the turn before this one began
	waiting  []*leg
	trailing []*leg
	reviewed time.Time
	probing  int // viewers
	// gathering: part of a picture has come and was not sent yet.
	gathering bool

	members atomic.Int32          // sessions; for the house
	shown   atomic.Pointer[shown] // never nil

	units   []*media.Unit    // scratch
	streams []*egress.Stream // scratch
}

// command is what others want of a shard: a viewer who shall be served, or a layer
// that one has chosen.
type command struct {
	add     *viewer
	session *egress.Session
	wanted  string
	leave   string // the reason to go
}

// shown is what a shard says of itself, about once a second.
type shown struct {
	watching int
	layers   map[string]int // legs, by track and layer
	at       time.Time
}

func newShard(h *house, s *egress.Sender) *shard {
	sh := &shard{
		sender: s, feed: h.feed, house: h, wake: make(chan struct{}, 1),
		viewers: make(map[*egress.Session]*viewer), lineup: &lineup{},
	}
	sh.shown.Store(&shown{})
	return sh
}

// send gives the shard a command.
func (s *shard) send(c command) bool {
	s.mu.Lock()
	full := len(s.mail) >= mailLimit
	if !full {
		s.mail = append(s.mail, c)
	}
	s.mu.Unlock()
	s.poke()
	return !full
}

// poke says that there is something to do.
func (s *shard) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// guard is run, with a panic as a failure of the stage: others go on.
func (s *shard) guard(ctx context.Context, fail func(error)) {
	defer func() {
		if r := recover(); r != nil {
			fail(pipeline.Failf(pipeline.Internal, "serve viewers", "panic: %v\n%s", r, debug.Stack()))
			s.close()
		}
	}()
	s.run(ctx)
}

// run serves until ctx ends. Then all sessions end.
func (s *shard) run(ctx context.Context) {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	s.adopt()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			s.close()
			return
		case <-s.wake:
			// Sound does not wake anybody up by itself: it leaves with what is next.
			if !s.pressing() {
				timer.Reset(min(untilBeat(time.Now()), s.pause()))
				continue
			}
		case <-s.sender.Wake():
			// Feedback of many viewers is read together.
			if passed := time.Since(last); passed < beat {
				timer.Reset(min(beat-passed, s.pause()))
				continue
			}
		case <-timer.C:
		}
		last = time.Now()
		s.turn(last)
		if d := s.pause(); d > 0 {
			timer.Reset(d)
		}
	}
}

// pressing says that a wake-up is about more than sound.
func (s *shard) pressing() bool {
	s.mu.Lock()
	commands := len(s.mail)
	s.mu.Unlock()
	return commands > 0 || s.feed.now.Load() != s.lineup || slices.ContainsFunc(s.lanes, func(l *lane) bool {
		return l.video() && l.next != l.flow.head.Load()
	})
}

// untilBeat is the time until the next beat, the same for all.
func untilBeat(now time.Time) time.Duration { return now.Truncate(beat).Add(beat).Sub(now) }

// pause is how long nothing is to be done unless something comes; 0 is for ever.
func (s *shard) pause() time.Duration {
	switch {
	case s.gathering:
		return gathering / 2
	case len(s.trailing) > 0 || s.probing > 0:
		return paceEvery
	case len(s.viewers) > 0:
		return pollEvery
	default:
		return 0
	}
}

// turn does all that is due.
func (s *shard) turn(now time.Time) {
	s.read()
	for _, ev := range s.sender.Poll() {
		s.event(ev, now)
	}
	if s.feed.now.Load() != s.lineup {
		s.adopt()
	}
	s.gathering = false
	for _, l := range s.lanes { // sound comes first
		s.deliver(l, now)
	}
	s.trail(now)
	if now.Sub(s.reviewed) >= reviewEvery {
		s.reviewed = now
		s.review(now)
	}
	s.probe(now)
	s.sender.Flush()
	s.turned = now
}

func (s *shard) close() {
	s.read()
	s.sender.Close()
	for _, v := range s.viewers {
		s.house.gone(v.session, endedStream)
	}
}

// read does what was commanded.
func (s *shard) read() {
	s.mu.Lock()
	mail := s.mail
	s.mail = nil
	s.mu.Unlock()
	for _, c := range mail {
		switch v := s.viewers[c.session]; {
		case c.add != nil:
			s.viewers[c.add.session] = c.add
		case v == nil:
		case c.leave != "":
			v.leave(c.leave)
		default:
			v.wanted = c.wanted
		}
	}
}

// event takes what the engine says of a viewer.
func (s *shard) event(ev egress.Event, now time.Time) {
	v := s.viewers[ev.Session]
	if v == nil {
		return
	}
	switch ev.Kind {
	case egress.Connected:
		s.join(v, now)
	case egress.Closed:
		s.part(v)
		delete(s.viewers, ev.Session)
		if len(s.viewers) == 0 {
			s.show(now)
		}
		s.house.gone(ev.Session, v.reason(ev.Reason))
	case egress.Keyframe:
		for _, g := range v.legs {
			if g.stream == ev.Stream && g.lane != nil {
				s.house.ask(media.KeyframeRequest{Track: g.track, Layer: g.lane.flow.layer})
			}
		}
	case egress.Arrivals:
		if v.estimator != nil {
			v.estimator.Feed(now.Sub(s.house.began), ev.Arrivals)
		}
	case egress.Bandwidth:
		v.remb = ev.Bitrate
	case egress.Reception:
		v.report(ev.Report)
	}
}

// join begins to serve a viewer.
func (s *shard) join(v *viewer, now time.Time) {
	v.connected = true
	v.bucket.rate = s.pace(v)
	s.house.connected(v.session)
	for i, g := range v.legs {
		g.stream = v.session.Stream(i)
		s.begin(g, now)
	}
}

// part takes a viewer out of everything.
func (s *shard) part(v *viewer) {
	for _, g := range v.legs {
		s.detach(g)
	}
	if v.probe.rate != 0 {
		s.probing--
	}
}

// detach takes a leg off its lane and out of the lists.
func (s *shard) detach(g *leg) {
	is := func(o *leg) bool { return o == g }
	switch g.standing {
	case waiting:
		s.waiting = slices.DeleteFunc(s.waiting, is)
	case trailing:
		s.trailing = slices.DeleteFunc(s.trailing, is)
	case live:
		g.lane.drop(g)
	}
	g.lane, g.standing = nil, waiting
}

// wait makes a leg wait for a key picture of its target, and asks for one.
func (s *shard) wait(g *leg, now time.Time) {
	s.detach(g)
	g.until = time.Time{}
	s.waiting = append(s.waiting, g)
	s.request(g, now)
}

// askAgain is how long an answer to a request for a key picture is waited for.
const askAgain = time.Second

func (s *shard) request(g *leg, now time.Time) {
	if now.Sub(g.asked) < askAgain || !g.video() {
		return
	}
	g.asked = now
	s.house.ask(media.KeyframeRequest{Track: g.track, Layer: g.target})
}

// lane is the shard's lane of a track and layer, or nil.
func (s *shard) lane(id media.TrackID, layer int8) *lane {
	i := slices.IndexFunc(s.lanes, func(l *lane) bool { return l.flow.track == id && l.flow.layer == layer })
	if i < 0 {
		return nil
	}
	return s.lanes[i]
}

// adopt takes the line-up in force: lanes for new flows, and none for those that are
// gone, whose legs wait.
func (s *shard) adopt() {
	first := len(s.lineup.flows) == 0
	s.lineup = s.feed.now.Load()
	var lanes []*lane
	for _, f := range s.lineup.flows {
		i := slices.IndexFunc(s.lanes, func(l *lane) bool { return l.flow == f })
		switch {
		case i >= 0:
			lanes = append(lanes, s.lanes[i])
		case first:
			lanes = append(lanes, &lane{flow: f, next: f.head.Load()})
		default:
			lanes = append(lanes, &lane{flow: f})
		}
	}
	s.lanes = lanes
	now := time.Now()
	for _, v := range s.viewers {
		for _, g := range v.legs {
			s.adapt(g, now)
		}
	}
}

// adapt finds a leg its place in a new line-up.
func (s *shard) adapt(g *leg, now time.Time) {
	t := s.lineup.track(g.track)
	switch {
	case t != nil && t.Codec != g.codec:
		g.viewer.leave(endedCodec)
		return
	case !g.viewer.connected:
		return
	}
	if g.target != 0 && s.lineup.flow(g.track, g.target) == nil {
		g.target = 0
	}
	if g.lane != nil && !slices.Contains(s.lanes, g.lane) {
		s.wait(g, now)
	}
}
