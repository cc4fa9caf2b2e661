//go:build libav && cgo

package av

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Engine does one job. Its methods are for one goroutine, but for Stats.
type Engine struct {
	job   wire.Job
	out   *outlet
	scene *scenery
	mixer *mixer // of a job that mixes
	lanes map[media.TrackID]*lane
	have  map[media.TrackID]*media.Track // what the lanes were told
	fault chan error                     // of a lane, the first

	done  chan struct{}  // ends the metronomes of a test card
	beats sync.WaitGroup // of those that run
}

// New makes an Engine that gives what it makes to send: Tracks, Units, Keyframes and
// Logs, one after the other, from several goroutines. An error of send ends the job.
// The Engine must be closed.
func New(job wire.Job, send func(wire.Message) error) (*Engine, error) {
	if err := possible(job); err != nil {
		return nil, err
	}
	e := &Engine{
		job: job, out: &outlet{send: send}, scene: newScenery(),
		lanes: make(map[media.TrackID]*lane), have: make(map[media.TrackID]*media.Track),
		fault: make(chan error, 1), done: make(chan struct{}),
	}
	if job.Mix != nil {
		e.mixer = newMixer(job, e.out, e.scene, e.fail)
	}
	if job.Test != nil {
		e.tick()
	}
	return e, nil
}

// tick starts the metronomes of a test card, one for each track, so that sound does not
// wait for pictures.
func (e *Engine) tick() {
	set := testTracks(e.job)
	e.tracks(set)
	now := time.Now()
	epoch := now
	if at := e.job.Test.Epoch; !at.IsZero() {
		epoch = now.Add(-now.Sub(at.Time)) // by the clock that nobody sets
	}
	for _, t := range set.Tracks {
		m, to := newMetronome(t, *e.job.Test), e.lanes[t.ID].queue
		e.beats.Go(func() {
			m.run(epoch, e.done, func(u *media.Unit) { to.put(wire.Unit{Unit: u}) })
		})
	}
}

// still ends the metronomes.
func (e *Engine) still() {
	select {
	case <-e.done:
	default:
		close(e.done)
	}
}

// possible says in words what of a job this build cannot do.
func possible(job wire.Job) error {
	switch {
	case job.Mix != nil && (job.Mix.Width > maxSide || job.Mix.Height > maxSide || job.Mix.Width*job.Mix.Height > maxPixels):
		return fmt.Errorf("a canvas of %dx%d is too large: the most is 7680x4320", job.Mix.Width, job.Mix.Height)
	case job.Audio == nil && job.Video == nil:
		return errors.New("the job says nothing that is to be made")
	}
	if a := job.Audio; a != nil && findEncoder(media.Codec(a.Codec)) == nil {
		return fmt.Errorf("this weir-av has no encoder for %s", media.Codec(a.Codec))
	}
	if v := job.Video; v != nil {
		switch v.HW {
		case "", anyHardware, noHardware, nvenc, vaapi:
		default:
			return fmt.Errorf("no hardware is called %.20q: use auto, none, nvenc or vaapi", v.HW)
		}
	}
	if v := job.Video; v != nil && findEncoder(media.Codec(v.Codec)) == nil {
		return fmt.Errorf("this weir-av has no encoder for %s", media.Codec(v.Codec))
	}
	return nil
}

// Failed has the reason why the job cannot go on, once.
func (e *Engine) Failed() <-chan error { return e.fault }

// Handle does what a message says, or has it done: it waits while a lane has too much
// to do. A message that there is nothing to do for is ignored.
func (e *Engine) Handle(m wire.Message) error {
	switch m := m.(type) {
	case wire.Tracks:
		if e.job.Test == nil {
			e.tracks(m.TrackSet)
		}
	case wire.Unit:
		if l := e.lanes[m.Track.ID]; l != nil {
			if e.mixer != nil {
				e.mixer.clock.expect(m.Unit)
			}
			l.queue.put(m)
		}
	case wire.Keyframe:
		if t := e.made(int(m.Track)); t != nil {
			e.ask(t.ID, m)
		}
	case wire.Control:
		e.ask(m.Track, m)
	case wire.Scene:
		e.scene.scene(m)
	case wire.Sprite:
		if !e.scene.sprite(m) {
			e.out.warn("there are too many sprites, so one is left out")
		}
	}
	select {
	case err := <-e.fault:
		return err
	default:
		return nil
	}
}

// ask passes on what is wanted of a track that is made.
func (e *Engine) ask(id media.TrackID, m wire.Message) {
	if e.mixer != nil {
		if _, key := m.(wire.Keyframe); !key || id == mixedPictures {
			e.mixer.wish(m)
		}
	} else if l := e.lanes[id]; l != nil {
		l.queue.put(m)
	}
}

// made is the track at index i of those that were announced, or nil.
func (e *Engine) made(i int) *media.Track {
	e.out.mu.Lock()
	defer e.out.mu.Unlock()
	if i >= len(e.out.set.Tracks) {
		return nil
	}
	return e.out.set.Tracks[i]
}

// tracks starts lanes for new tracks, ends those of tracks that are gone, and tells
// the others what has changed.
func (e *Engine) tracks(set *media.TrackSet) {
	for id, l := range e.lanes {
		if t := set.Track(id); t == nil || t.Kind() != e.have[id].Kind() {
			l.finish()
			delete(e.lanes, id)
			delete(e.have, id)
			if e.mixer != nil {
				e.mixer.leave(id)
			} else {
				_ = e.out.announce(id, nil) // the error is kept
			}
		}
	}
	for i, t := range set.Tracks {
		l := e.lanes[t.ID]
		if l == nil {
			p := e.processor(t, uint16(i))
			if p == nil {
				continue
			}
			l = startLane(p, e.fail)
			e.lanes[t.ID] = l
		}
		e.have[t.ID] = t
		l.queue.put(retrack{track: t})
	}
}

func (e *Engine) processor(t *media.Track, index uint16) processor {
	switch {
	case e.mixer != nil:
		return e.mixer.processor(t, index)
	case t.Kind() == media.KindVideo && e.job.Video != nil && e.job.Test != nil:
		return newCard(e.job, e.out)
	case t.Kind() == media.KindAudio && e.job.Audio != nil && e.job.Test != nil:
		return newBeeps(*e.job.Audio, e.out)
	case t.Kind() == media.KindVideo && e.job.Video != nil:
		return newVideo(e.job, e.out, index, e.scene)
	case t.Kind() == media.KindAudio && e.job.Audio != nil:
		return newAudio(*e.job.Audio, e.out)
	default:
		return nil
	}
}

func (e *Engine) fail(err error) {
	select {
	case e.fault <- err:
	default:
	}
}

// End gives out what is left in all lanes. It says why if the job failed.
func (e *Engine) End() error {
	e.still()
	e.beats.Wait()
	for _, id := range e.ids() {
		e.lanes[id].finish()
		delete(e.lanes, id)
	}
	if e.mixer != nil {
		e.mixer.finish()
	}
	select {
	case err := <-e.fault:
		return err
	default:
		return nil
	}
}

// Close ends what still runs and frees everything.
func (e *Engine) Close() {
	e.still()
	if e.mixer != nil {
		e.mixer.clock.close() // lanes may wait for it
	}
	for _, id := range e.ids() {
		e.lanes[id].abort()
		delete(e.lanes, id)
	}
	if e.mixer != nil {
		e.mixer.close()
	}
	e.beats.Wait() // after the lanes, which they may wait for
}

func (e *Engine) ids() []media.TrackID {
	var ids []media.TrackID
	for id := range e.lanes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Count is what was done since the start. It is safe for concurrent use.
func (e *Engine) Count() wire.Stats {
	s := wire.Stats{
		FramesIn: e.out.framesIn.Load(), FramesOut: e.out.framesOut.Load(), Dropped: e.out.dropped.Load(),
	}
	if what := e.out.leftOut.Load(); what != nil {
		s.LeftOut = *what
	}
	return s
}
