//go:build libav && cgo

package av

import (
	"sync"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// clock says when the time has come to compose what the inputs of a mix gave for a
// moment. Its methods are safe for concurrent use.
type clock struct {
	latency time.Duration // how long the slowest input is waited for

	mu     sync.Mutex // guards what is below
	change sync.Cond
	inputs map[media.TrackID]*standing
	begin  time.Duration // where it begins
	newest time.Duration // the latest time that an input has reached,
	since  time.Time     // and when that was
	next   map[media.Kind]moment
	begun  bool
	ended  bool // nothing more comes
	closed bool
}

// moment is what of a kind is composed next.
type moment struct {
	at    time.Duration
	waits bool // for inputs of which nothing has come
}

// standing is how far a track has come.
type standing struct {
	kind    media.Kind
	reached time.Duration
	begun   bool
	pending int  // units that are not decoded yet
	left    bool // nothing more comes
}

const (
	// ahead is how far an input may be ahead of what is composed before it is held
	// back, unless nothing has come of another one that is waited for. It is little, so
	// that few pictures take memory, which is still in the processor's cache.
	ahead = 40 * time.Millisecond
	// believable is how much later than all others an input may be said to be.
	believable = 10 * time.Second
	// lost is how long no input may give anything believable until the clock follows
	// one that is not; and longestDebt how much is made up for, when it does.
	lost        = 2 * time.Second
	longestDebt = 15 * time.Second
)

func newClock(latency time.Duration) *clock {
	c := &clock{latency: latency, inputs: make(map[media.TrackID]*standing), next: make(map[media.Kind]moment)}
	c.change.L = &c.mu
	return c
}

// join makes a track one that is waited for, once it has given something.
func (c *clock) join(id media.TrackID, kind media.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inputs[id] = &standing{kind: kind}
}

// leave ends that.
func (c *clock) leave(id media.TrackID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inputs, id)
	c.change.Broadcast()
}

// expect says that a unit has come. Time begins with the first that is to be seen or
// heard.
func (c *clock) expect(u *media.Unit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.inputs[u.Track.ID]; s != nil {
		s.pending++
	}
	if !c.begun && !u.Flags.Has(wire.Preroll) {
		at := u.Track.Rate.Duration(u.PTS)
		c.begin, c.newest, c.since, c.begun = at, at, time.Now(), true
		c.change.Broadcast()
	}
}

// settle says that all has been made of a unit of a track.
func (c *clock) settle(id media.TrackID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.inputs[id]; s != nil {
		s.pending--
		c.change.Broadcast()
	}
}

// reach says that a track has given what it has up to a time. It is false if that
// cannot be.
func (c *clock) reach(id media.TrackID, at time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.inputs[id]
	if s == nil {
		return false
	}
	now := time.Now()
	switch {
	case at > c.time(now)+believable && now.Sub(c.since) < lost:
		return false
	case at > c.newest:
		c.newest, c.since = at, now
	}
	s.reached, s.begun = max(s.reached, at), true
	c.change.Broadcast()
	return true
}

// hold waits until what is composed of a kind is near a time.
func (c *clock) hold(kind media.Kind, at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed && !c.ended && c.tooFar(kind, at) {
		c.change.Wait()
	}
}

func (c *clock) tooFar(kind media.Kind, at time.Duration) bool {
	next := c.next[kind]
	if next.waits {
		return at > next.at+c.latency+ahead
	}
	return at > next.at+ahead
}

// time is that of the newest input now.
func (c *clock) time(now time.Time) time.Duration { return c.newest + now.Sub(c.since) }

// start waits for the beginning, which is the same for all that is composed. It is
// false if there is none.
func (c *clock) start() (at time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.begun && !c.closed && !c.ended {
		c.change.Wait()
	}
	return c.begin, c.begun && !c.closed
}

// wait waits until a moment can be composed from tracks of a kind. debt is how much of
// what is to be composed must be left out, since inputs have jumped. It is false at the
// end.
func (c *clock) wait(kind media.Kind, at time.Duration) (debt time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next[kind] = moment{at: at}
	c.change.Broadcast()
	for !c.closed {
		left, ready, busy := c.ready(kind, at)
		if waits := !ready && !busy; waits != c.next[kind].waits {
			c.next[kind] = moment{at: at, waits: waits}
			c.change.Broadcast()
		}
		switch {
		case c.ended:
			return 0, ready && at <= c.newest
		case ready:
			if late := -left; late > longestDebt {
				debt = late
			}
			return debt, true
		}
		timer := time.AfterFunc(max(left, time.Millisecond), c.change.Broadcast)
		c.change.Wait()
		timer.Stop()
	}
	return 0, false
}

// ready says whether a moment can be composed, and how long it may still be waited for;
// busy is that it cannot since something is not decoded yet.
func (c *clock) ready(kind media.Kind, at time.Duration) (left time.Duration, ready, busy bool) {
	left = at + c.latency - c.time(time.Now())
	complete := true
	for _, s := range c.inputs {
		switch {
		case s.kind != kind || s.reached >= at && s.begun:
		case s.pending > 0:
			return left, false, true // it came in time
		case s.begun:
			complete = false
		}
	}
	waited := left <= 0
	if complete && at <= c.newest {
		return left, true, false
	}
	return left, waited || c.ended, false
}

// late is how much later than it had to be something is composed.
func (c *clock) late(at time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(0, c.time(time.Now())-c.latency-at)
}

// end lets all be composed that has been given.
func (c *clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.change.Broadcast()
}

func (c *clock) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.change.Broadcast()
}
