package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"sync"
	"syscall"
	"time"

	"weir/pipeline/calm"
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// refusedError is a worker's word that it cannot do what it is asked.
type refusedError struct{ why string }

// Error implements error.
func (r *refusedError) Error() string { return r.why }

// errStalled ends a worker that makes nothing.
var errStalled = errors.New("it made nothing of what it was given for too long")

// shift is one worker's time with a session.
type shift struct {
	*Session
	process *process
	over    chan struct{} // closed when the reader has ended

	mu       sync.Mutex // guards what follows
	progress time.Time  // when something was last made, or there was nothing to do
	begun    bool       // something was made
	stats    wire.Stats
	at       time.Time // of stats

	alias     map[*media.Track]*media.Track   // the worker's tracks, and what they are called outside
	announced *media.TrackSet                 // last, as the tracks are called outside
	since     map[media.TrackID]time.Duration // what the workers before have made of each
	open      map[layerKey]bool               // layers that had a key unit
}

// serve runs one worker from its start to its end. It returns nil when the worker has
// flushed all, after the end of the queue.
func (s *Session) serve(ctx context.Context) error {
	p, err := s.launch()
	if err != nil {
		return err
	}
	w := &shift{
		Session: s, process: p, over: make(chan struct{}), progress: time.Now(),
		alias: make(map[*media.Track]*media.Track), open: make(map[layerKey]bool), since: maps.Clone(s.made),
	}
	s.mu.Lock()
	s.status.PID = p.pid
	s.mu.Unlock()
	if s.queue.rewind(s.madeOf) {
		s.needKeys()
	}
	written := make(chan error, 1)
	go func() { written <- w.write() }()
	var result error
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(w.over)
		result = w.read()
	}()
	cause := w.watch(ctx, read)
	p.kill()
	_ = p.conn.Close()
	<-read
	<-written // that it failed is a consequence
	<-p.ended
	switch {
	case cause != nil:
		return cause
	case result == nil:
		return nil
	case errors.Is(result, io.EOF), errors.Is(result, io.ErrUnexpectedEOF), errors.Is(result, syscall.ECONNRESET):
		return fmt.Errorf("it ended: %s", p.why())
	default:
		return result
	}
}

// madeOf is how far the workers have made something of a track that they are given: of a
// mix, of all tracks together.
func (s *Session) madeOf(id media.TrackID) (at time.Duration, ok bool) {
	if s.job.Mix == nil {
		at, ok = s.made[id]
		return at, ok
	}
	for _, t := range s.made {
		at, ok = max(at, t), true
	}
	return at, ok
}

// needKeys asks for a key unit of every video track.
func (s *Session) needKeys() {
	s.queue.mu.Lock()
	tracks := s.queue.tracks
	s.queue.mu.Unlock()
	for _, t := range tracks.Tracks {
		if t.Kind() == media.KindVideo {
			s.sink.NeedKey(t.ID)
		}
	}
}

// watch waits until the worker has ended, or must.
func (w *shift) watch(ctx context.Context, read <-chan struct{}) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var drained time.Time
	for {
		select {
		case <-read:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			_, last, ended := w.queue.stats()
			if ended && drained.IsZero() {
				drained = now
			}
			if !drained.IsZero() && now.Sub(drained) > drainFor {
				return fmt.Errorf("it did not flush within %v", drainFor)
			}
			if w.stalled(now, last) {
				return errStalled
			}
		}
	}
}

// stalled says that nothing was made for too long while something was given.
func (w *shift) stalled(now, lastInput time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.job.Test == nil && now.Sub(lastInput) > stall/2 {
		w.progress = now // there is nothing to be made
		return false
	}
	patience := stall
	if !w.begun {
		patience = startPatience
	}
	return now.Sub(w.progress) > patience
}

// write gives the worker what waits, until the end.
func (w *shift) write() error {
	out := wire.NewWriter(w.process.conn)
	for _, m := range []wire.Message{wire.Hello{Version: wire.Version}, w.job} {
		if err := out.Write(m); err != nil {
			return err
		}
	}
	w.Session.mu.Lock()
	said := w.scenery.messages()
	for _, c := range w.controls {
		said = append(said, c)
	}
	w.Session.mu.Unlock()
	for _, m := range said {
		if err := out.Write(m); err != nil && !errors.Is(err, wire.ErrTooLarge) {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	var items []item
	for {
		var ok bool
		items, ok = w.queue.take(items, w.over)
		for _, it := range items {
			if err := out.Write(it.message); err != nil && !errors.Is(err, wire.ErrTooLarge) {
				return err
			}
		}
		clear(items)
		if !ok {
			if err := out.Write(wire.End{}); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil || !ok {
			return err
		}
	}
}

// read takes what the worker makes, until it ends.
func (w *shift) read() error {
	in := wire.NewReader(calm.NewReader(w.process.conn))
	log := &limiter{log: w.log}
	defer log.flush()
	for {
		m, err := in.Read()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case wire.Hello:
		case wire.Tracks:
			w.announce(m.TrackSet)
		case wire.Unit:
			w.unit(m.Unit)
		case wire.Keyframe:
			w.wish(m)
		case wire.Stats:
			w.count(m)
		case wire.Log:
			log.write(m)
		case wire.End:
			if m.Error != "" {
				return &refusedError{m.Error}
			}
			if _, _, ended := w.queue.stats(); !ended {
				return errors.New("it ended before it was told to")
			}
			return nil
		case wire.Levels:
			w.sink.Levels(m)
		case wire.Job, wire.Control, wire.Scene, wire.Sprite:
			return fmt.Errorf("it sent a %T, which is not for it to send", m)
		}
	}
}

// announce passes tracks on, those that did not change as the ones that they were.
func (w *shift) announce(s *media.TrackSet) {
	set := &media.TrackSet{Version: s.Version, Tracks: make([]*media.Track, len(s.Tracks))}
	clear(w.alias)
	for i, t := range s.Tracks {
		set.Tracks[i] = t
		if was := w.known[t.ID]; was != nil && reflect.DeepEqual(*was, *t) {
			set.Tracks[i] = was
		}
		w.alias[t] = set.Tracks[i]
	}
	if len(w.known) > mostKnown {
		clear(w.known) // those of tracks that are gone
	}
	for _, t := range set.Tracks {
		w.known[t.ID] = t
	}
	w.announced = set
	w.sink.Tracks(set)
	w.set("running", nil)
	w.Session.mu.Lock()
	w.status.PID = w.process.pid
	w.Session.mu.Unlock()
}

// unit passes a unit on. What a worker makes of a track starts with a key unit, behind
// what the workers before have made.
func (w *shift) unit(u *media.Unit) {
	w.progressed()
	u.Track = w.alias[u.Track]
	u.Flags &^= wire.Preroll
	k := layerKey{u.Track.ID, u.Layer}
	if !w.open[k] {
		if u.Kind() == media.KindVideo && !u.Flags.Has(media.Key) {
			return
		}
		done, before := w.since[k.track]
		if before && u.Track.Rate.Duration(u.PTS) <= done { // it was made already
			if u.Kind() == media.KindVideo {
				w.Keyframe(uint16(slices.Index(w.announced.Tracks, u.Track)), u.Layer)
			}
			return
		}
		if w.open[k] = true; before {
			u.Flags |= media.Gap | media.Discontinuity
		}
	}
	w.made[k.track] = max(w.made[k.track], u.Track.Rate.Duration(u.PTS))
	w.sink.Unit(u)
}

// progressed notes that the worker does what it is for.
func (w *shift) progressed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress, w.begun = time.Now(), true
}

// wish passes a wish for a key unit on.
func (w *shift) wish(k wire.Keyframe) {
	w.queue.mu.Lock()
	set := w.queue.tracks
	w.queue.mu.Unlock()
	if set != nil && int(k.Track) < len(set.Tracks) {
		w.sink.NeedKey(set.Tracks[k.Track].ID)
	}
}

// count notes figures. A worker that decodes or encodes is at work, also when nothing
// leaves it, since its layers are paused.
func (w *shift) count(now wire.Stats) {
	w.mu.Lock()
	before, since := w.stats, time.Since(w.at)
	w.stats, w.at = now, time.Now()
	if now.FramesIn > before.FramesIn || now.FramesOut > before.FramesOut {
		w.progress = time.Now()
		w.begun = w.begun || now.FramesOut > 0
	}
	w.mu.Unlock()
	w.Session.mu.Lock()
	defer w.Session.mu.Unlock()
	st := &w.status
	st.RSS, st.FramesIn, st.FramesOut, st.Dropped = now.RSS, now.FramesIn, now.FramesOut, now.Dropped
	st.LeftOut = cut(now.LeftOut)
	if spent := now.CPUMillis - before.CPUMillis; since > 0 && since < time.Minute && spent >= 0 {
		st.CPU = float64(time.Duration(spent)*time.Millisecond) / float64(since)
	}
}
