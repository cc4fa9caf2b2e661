package mixer

import (
	"context"
	"slices"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/wire"
	"weir/transcode/worker"
)

// work is the session of a stage's workers, from the first input's tracks to the end of
// the last input. It implements worker.Sink.
type work struct {
	*worker.Session
	stage *stage
	made  *media.TrackSet // announced last
	force *media.TrackSet // that of what is sent; nil before there is one
	ended chan struct{}   // closed when all is flushed
}

// employ starts the session. The caller holds s.mu.
func (s *stage) employ() {
	job := s.config.job(s.env.Pipeline + "/" + s.env.Stage)
	w := &work{stage: s, ended: make(chan struct{})}
	w.Session = s.host.NewSession(job, s.config.cores(s.cast.admitted(), len(s.ins)), w, s.log)
	s.work = w
	s.running.Go(func() {
		defer close(w.ended)
		if err := w.Run(s.ctx); err != nil {
			s.fail(pipeline.Fail(pipeline.Transient, "mix", err))
		}
	})
}

// finish waits for what the worker still has.
func (s *stage) finish(ctx context.Context) {
	s.mu.Lock()
	w := s.work
	s.mu.Unlock()
	if w == nil {
		return
	}
	w.End()
	select {
	case <-w.ended:
	case <-ctx.Done():
	}
}

// listen passes on to the worker what consumers want of what it makes.
func (s *stage) listen(over <-chan struct{}) {
	for {
		select {
		case f := <-s.out.Feedback():
			s.heed(f)
		case <-over:
			return
		}
	}
}

func (s *stage) heed(f media.Feedback) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.work == nil {
		return
	}
	switch f := f.(type) {
	case media.KeyframeRequest:
		if t := s.work.made.Track(f.Track); t != nil {
			s.work.Keyframe(uint16(slices.Index(s.work.made.Tracks, t)), f.Layer)
		}
	case media.LayerHint:
		paused := !f.Wanted
		s.work.Control(wire.Control{Track: f.Track, Layer: f.Layer, Paused: &paused})
	case media.BitrateHint: // each layer has the rate that it was told
	}
}

// Tracks implements worker.Sink. A worker says one after the other what it makes; what
// leaves is a programme, with picture and sound, from the beginning on.
func (w *work) Tracks(set *media.TrackSet) {
	s := w.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.made = set; len(set.Tracks) == kinds {
		w.force = set
		s.out.SetTracks(set)
	}
}

// kinds is how many tracks a programme has: one of pictures and one of sound.
const kinds = 2

// Unit implements worker.Sink.
func (w *work) Unit(u *media.Unit) {
	if w.force != nil && slices.Contains(w.force.Tracks, u.Track) {
		_ = w.stage.out.Send(w.stage.ctx, u) // fails only when the stage ends
	}
}

// NeedKey implements worker.Sink.
func (w *work) NeedKey(id media.TrackID) {
	s := w.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, l := s.cast.find(func(l *lane) bool { return l.given.ID == id }); l != nil {
		s.ins[slices.Index(s.cast.inputs, p.input)].Ask(media.KeyframeRequest{Track: l.in.ID, Layer: l.layer})
	}
}

// Levels implements worker.Sink.
func (w *work) Levels(l wire.Levels) {
	s := w.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.cast.clip(l.Clipped)
	if s.cast.listen(now, l.Of, func(p *participant) bool { return s.config.Inputs[p.input].Mute }) {
		s.direct(now)
	}
}

// Unavailable implements worker.Sink. The programme stands; its tracks stay, so that
// nobody need come back when it goes on.
func (w *work) Unavailable(error) {}
