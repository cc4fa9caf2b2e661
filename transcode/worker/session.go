package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// How a session deals with workers that fall.
const (
	// stall is how long a worker may make nothing while it is given something, and
	// startPatience the same for its first output.
	stall         = 2 * time.Second
	startPatience = 10 * time.Second
	watchEvery    = 100 * time.Millisecond
	// breakAfter falls within breakWithin, the session rests for restFor.
	breakAfter  = 5
	breakWithin = time.Minute
	restFor     = time.Minute
	// firstBackoff is the wait before the second start in a row, doubled each time.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 2 * time.Second
	// admitEvery is how often a job that did not fit tries again.
	admitEvery = 5 * time.Second
	// missingEvery is how often the program is looked for again.
	missingEvery = 10 * time.Second
	// mostKnown is how many tracks are remembered, those of workers before included.
	mostKnown = 128
	// drainFor is how long a worker may take to flush after the end.
	drainFor = 5 * time.Second
)

// Sink takes what a session's workers make. Its methods are called by one goroutine at
// a time, and not after Run has returned.
type Sink interface {
	// Tracks says which tracks the units that follow belong to. A track whose
	// parameters did not change is the same *media.Track, also after a fall.
	Tracks(s *media.TrackSet)
	// Unit takes a unit, which is the sink's own and may be changed.
	Unit(u *media.Unit)
	// NeedKey says that nothing can be made of a track before its next key unit.
	NeedKey(t media.TrackID)
	// Levels says how loud the inputs of a mix are.
	Levels(l wire.Levels)
	// Unavailable says that nothing is made for now, and why, in words for the user.
	// Tracks follows when that is over.
	Unavailable(why error)
}

// Session is one job with its workers, one after the other. All methods but Run may be
// called from any goroutine, and never block.
type Session struct {
	job    wire.Job
	sink   Sink
	log    *slog.Logger
	admit  func() (release func(), err error)
	fits   func(context.Context) error
	launch launch
	fell   func()
	queue  *queue
	done   chan struct{} // closed when Run has returned

	made  map[media.TrackID]time.Duration // the newest PTS made of each
	known map[media.TrackID]*media.Track  // as it was announced last, by any worker

	mu       sync.Mutex // guards what follows
	controls map[layerKey]wire.Control
	scenery  scenery
	status   Status
	falls    []time.Time
}

type layerKey struct {
	track media.TrackID
	layer int8
}

// Status is what a session shows.
type Status struct {
	// State is "starting", "running", "restarting", "resting" after too many falls,
	// "refused" by the budget, or "unavailable"; Why says why, if it is not running.
	State string `json:"state"`
	Why   string `json:"why,omitempty"`
	// PID is the worker's, 0 if there is none.
	PID int `json:"pid,omitempty"`
	// Cores is what it is estimated to take, CPU what it has taken over the last
	// second, in cores.
	Cores float64 `json:"cores,omitempty"`
	CPU   float64 `json:"cpu,omitempty"`
	RSS   int64   `json:"rss,omitempty"`
	// FramesIn, FramesOut and Dropped are wire.Stats of the present worker, Skipped
	// the units that no worker had the time for.
	FramesIn  uint64 `json:"frames_in,omitempty"`
	FramesOut uint64 `json:"frames_out,omitempty"`
	Dropped   uint64 `json:"dropped,omitempty"`
	// LeftOut is in words what is not made at present since there is no time for it.
	LeftOut string `json:"left_out,omitempty"`
	Skipped uint64 `json:"skipped,omitempty"`
	// Falls counts the workers that ended before they were told to.
	Falls uint64 `json:"falls"`
}

// NewSession makes a session for a job that is estimated to take cores. Nothing is
// started before Run. A job that makes a test card needs no tracks and no units.
func (h *Host) NewSession(job wire.Job, cores float64, sink Sink, log *slog.Logger) *Session {
	s := newSession(job, sink, log)
	s.admit = func() (func(), error) { return h.admit(cores) }
	s.fits = func(ctx context.Context) error { return h.Fits(ctx, job) }
	s.launch, s.fell = h.begin, h.fell
	s.status.Cores = cores
	return s
}

func newSession(job wire.Job, sink Sink, log *slog.Logger) *Session {
	return &Session{
		job: job, sink: sink, log: log, queue: newQueue(), done: make(chan struct{}), status: Status{State: "starting"},
		made: make(map[media.TrackID]time.Duration), known: make(map[media.TrackID]*media.Track), controls: make(map[layerKey]wire.Control),
		admit: func() (func(), error) { return func() {}, nil },
		fits:  func(context.Context) error { return nil },
		fell:  func() {},
	}
}

// SetTracks says which tracks the units that follow belong to. All are of
// media.FormAccess, and video has one layer.
func (s *Session) SetTracks(set *media.TrackSet) { s.queue.setTracks(set) }

// Put gives a unit to the worker, which must not be changed any more. It says whether a
// key unit is needed before anything can be made of the track again.
func (s *Session) Put(u *media.Unit) (needKey bool) { return s.queue.put(u) }

// Control changes a layer of what is made, now and after every restart.
func (s *Session) Control(c wire.Control) {
	s.mu.Lock()
	k := layerKey{c.Track, c.Layer}
	all := s.controls[k]
	all.Track, all.Layer = c.Track, c.Layer
	if c.Bitrate != 0 {
		all.Bitrate = c.Bitrate
	}
	if c.FPS != 0 {
		all.FPS = c.FPS
	}
	if c.Paused != nil {
		all.Paused = c.Paused
	}
	s.controls[k] = all
	s.mu.Unlock()
	s.queue.tell(c)
}

// Scene says what is shown from now on, also after every restart. It must not be
// changed any more.
func (s *Session) Scene(scene wire.Scene) {
	s.mu.Lock()
	s.scenery.scene = &scene
	s.mu.Unlock()
	s.queue.tell(scene)
}

// Sprite gives scenes a picture to show, also after every restart. One beyond
// wire.MaxSprites is left out.
func (s *Session) Sprite(p wire.Sprite) {
	s.mu.Lock()
	kept := s.scenery.keep(p)
	s.mu.Unlock()
	if !kept {
		s.log.Error("there are too many sprites: remove some first", "most", wire.MaxSprites)
		return
	}
	s.queue.tell(p)
}

// Keyframe asks for a key unit of a layer of what is made: of track number n of the
// Tracks that the sink was given last.
func (s *Session) Keyframe(n uint16, layer int8) {
	s.queue.tell(wire.Keyframe{Track: n, Layer: layer})
}

// End says that nothing more will be put: the worker flushes, and Run returns.
func (s *Session) End() { s.queue.end() }

// Status shows the session as it is now.
func (s *Session) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Skipped, _, _ = s.queue.stats()
	return st
}

func (s *Session) set(state string, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.State, s.status.Why = state, ""
	if why != nil {
		s.status.Why = why.Error()
	}
	if state != "running" {
		s.status.PID, s.status.CPU, s.status.RSS, s.status.LeftOut = 0, 0, 0, ""
	}
}

// Run starts workers and serves them, until End was called and all is flushed, or until
// ctx is cancelled: then it kills the worker. The error is a worker's, that it cannot
// do what it is asked.
func (s *Session) Run(ctx context.Context) error {
	defer close(s.done)
	release, err := s.enter(ctx)
	if err != nil {
		return nil // there is nobody to tell any more
	}
	defer release()
	for {
		s.set("starting", nil)
		err := s.serve(ctx)
		var refused *refusedError
		_, _, ended := s.queue.stats()
		switch {
		case ctx.Err() != nil, err == nil && ended:
			return nil
		case errors.As(err, &refused):
			s.unavailable("unavailable", err)
			return err
		case ended:
			s.log.Warn("the worker fell while it was flushing", "error", err)
			return nil
		}
		if !s.recover(ctx, err) {
			return nil
		}
	}
}

// enter waits for the program and for a place in the budget.
func (s *Session) enter(ctx context.Context) (release func(), err error) {
	var last string
	for {
		state, again := "unavailable", missingEvery
		err := s.fits(ctx)
		if err == nil {
			if release, err = s.admit(); err == nil {
				return release, nil
			}
			state, again = "refused", admitEvery
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err.Error() != last {
			last = err.Error()
			s.log.Error("nothing is transcoded", "error", err)
		}
		s.unavailable(state, err)
		if !s.wait(ctx, again) {
			return nil, context.Canceled
		}
	}
}

// unavailable says that nothing is made for now.
func (s *Session) unavailable(state string, why error) {
	s.set(state, why)
	s.queue.rest()
	s.sink.Unavailable(why)
}

// wait is false if the session ends meanwhile.
func (s *Session) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		if _, _, ended := s.queue.stats(); ended {
			return false
		}
		select {
		case <-timer.C:
			return true
		case <-s.queue.wake:
		case <-ctx.Done():
			return false
		}
	}
}

// recover waits for as long as the falls so far call for. It is false if the session
// ends meanwhile.
func (s *Session) recover(ctx context.Context, why error) bool {
	now := time.Now()
	s.fell()
	s.mu.Lock()
	s.status.Falls++
	kept := s.falls[:0]
	for _, at := range s.falls {
		if now.Sub(at) < breakWithin {
			kept = append(kept, at)
		}
	}
	s.falls = append(kept, now)
	n := len(s.falls)
	if n >= breakAfter {
		s.falls = nil
	}
	s.mu.Unlock()
	if n >= breakAfter {
		why = fmt.Errorf("%d workers fell within %v, the last one so: %w", n, breakWithin, why)
		s.log.Error("the session rests", "for", restFor, "error", why)
		s.unavailable("resting", why)
		return s.wait(ctx, restFor)
	}
	s.log.Warn("the worker fell, another one takes over", "error", why)
	s.set("restarting", why)
	if n == 1 {
		return true
	}
	return s.wait(ctx, min(firstBackoff<<(n-2), lastBackoff))
}
