package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Recipe says what a stage makes of its tracks. One goroutine at a time calls it.
type Recipe interface {
	// Needs says whether a track in access units must go through a worker. It passes
	// if not.
	Needs(t *media.Track) bool
	// Proves says whether a unit of a track that passes shows that it must not.
	Proves(u *media.Unit) bool
	// Made is the track that leaves the stage for in, when the worker has announced
	// made; or, if made is nil, the one that it will be, or nil if that is not known.
	Made(in, made *media.Track) *media.Track
	// Source is the layer of Made that in itself fills, without a worker, NoSource or
	// Others; and the track that leaves when there is no worker, or nil.
	Source(in *media.Track) (layer int8, alone *media.Track)
	// Cores estimates what the work on tracks takes.
	Cores(tracks []*media.Track) float64
}

const (
	// NoSource says that no layer is the incoming stream.
	NoSource int8 = -1
	// Others says that all layers but the one that is converted are.
	Others int8 = -2
)

// announcePatience is how long the tracks that leave wait for a worker to say what it
// makes. Then they leave without what it would make.
const announcePatience = 3 * time.Second

// Converter is the run of a stage that leads some of its tracks through a worker and
// lets the others pass. A worker runs while there is a track that needs one, and only
// then.
type Converter struct {
	Host   *Host
	Job    wire.Job
	Recipe Recipe
	Log    *slog.Logger
	// Attend is told of the session that works, and of the tracks that it is given, when
	// either has changed; of nil when there is none any more. It must not block. May be
	// nil.
	Attend func(s *Session, given []*media.Track)

	in      *pipeline.Input
	out     *pipeline.Output
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows, and the use of out
	ctx    context.Context
	lanes  []*lane
	force  *media.TrackSet // sent last
	work   *work
	late   bool          // announcePatience is over
	held   []*media.Unit // came before the first set was sent
	waiter *time.Timer
}

// lane leads one track.
type lane struct {
	in    *media.Track
	layer int8         // the one that is converted
	top   int8         // the layer of out that it is itself, NoSource or Others
	alone *media.Track // what leaves without a worker, or nil
	needs bool         // it goes through the worker
	given *media.Track // what the worker is told of it
	out   *media.Track // what leaves, or nil if that is not known
	was   *media.Track // what left last, for comparison
}

// work is a session and what is known of it.
type work struct {
	*Session
	c           *Converter
	cancel      context.CancelFunc
	made        *media.TrackSet
	unavailable bool
}

// Run moves items until the input ends, and what the worker made of them after that.
func (c *Converter) Run(ctx context.Context, p *pipeline.Ports) error {
	ctx, cancel := context.WithCancel(ctx)
	defer c.running.Wait()
	defer cancel()
	c.in, c.out, c.ctx = p.In("in"), p.Out("out"), ctx
	c.running.Go(func() { c.listen(ctx) })
	defer c.stopWaiting()
	for {
		c.rest(c.out.Patience())
		item, err := c.in.Recv(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF):
			return c.finish()
		case err != nil:
			return err
		}
		switch it := item.(type) {
		case *media.TrackSet:
			c.follow(it)
		case *media.Unit:
			c.take(it)
		}
	}
}

// rest makes the converter as patient as its consumers are. It naps for half of what
// they grant, theirs being yet to come, unless that is too short to be worth it.
func (c *Converter) rest(granted time.Duration) {
	if granted <= 2*shortest {
		c.in.Nap(0)
		c.in.Spare(granted)
		return
	}
	c.in.Nap(granted / 2)
}

// shortest is the shortest nap that saves anything.
const shortest = 10 * time.Millisecond

// finish waits for what the worker still has.
func (c *Converter) finish() error {
	c.mu.Lock()
	w := c.work
	c.mu.Unlock()
	if w != nil {
		w.End()
		<-w.done
	}
	return nil
}

// over says that the session has come to its end, since its worker refused.
func (w *work) over() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// follow goes on with another set of tracks.
func (c *Converter) follow(set *media.TrackSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var next []*lane
	for _, t := range set.Tracks {
		i := slices.IndexFunc(c.lanes, func(l *lane) bool { return l.in == t })
		if i >= 0 {
			next = append(next, c.lanes[i])
			continue
		}
		l := &lane{in: t, layer: best(t), needs: t.Form == media.FormAccess && c.Recipe.Needs(t)}
		l.top, l.alone = c.Recipe.Source(t)
		if j := slices.IndexFunc(c.lanes, func(o *lane) bool { return o.in.ID == t.ID }); j >= 0 && c.lanes[j].needs == l.needs {
			l.was = c.lanes[j].was
		}
		next = append(next, l)
	}
	same := slices.Equal(needy(c.lanes), needy(next))
	c.lanes = next
	if !same {
		c.employ()
	}
	c.publish()
}

// best is the layer of which the others can be made.
func best(t *media.Track) int8 {
	top := 0
	for i, l := range t.Layers {
		if b := t.Layers[top]; l.Height > b.Height || l.Height == b.Height && l.Bitrate > b.Bitrate {
			top = i
		}
	}
	return int8(top)
}

func needy(lanes []*lane) []*lane {
	return slices.DeleteFunc(slices.Clone(lanes), func(l *lane) bool { return !l.needs })
}

// employ tells the worker which tracks it has from here on: it starts a session for the
// first of them and ends it after the last.
func (c *Converter) employ() {
	all := needy(c.lanes)
	if len(all) == 0 || c.work != nil && c.work.over() {
		if c.work != nil {
			c.work.cancel()
			c.work = nil
			c.attend(nil)
		}
	}
	if len(all) == 0 {
		return
	}
	set := &media.TrackSet{}
	for _, l := range all {
		if l.given == nil {
			l.given = given(l.in, l.layer)
		}
		set.Tracks = append(set.Tracks, l.given)
	}
	if c.work == nil {
		ctx, cancel := context.WithCancel(c.ctx)
		w := &work{c: c, cancel: cancel}
		w.Session = c.Host.NewSession(c.Job, c.Recipe.Cores(set.Tracks), w, c.Log)
		c.work = w
		c.running.Go(func() { defer cancel(); _ = w.Session.Run(ctx) })
	}
	c.late = false
	c.stopWaitingLocked()
	c.waiter = time.AfterFunc(announcePatience, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.late = true
		c.publish()
	})
	c.work.SetTracks(set)
	c.attend(set.Tracks)
}

func (c *Converter) attend(given []*media.Track) {
	switch {
	case c.Attend == nil:
	case c.work == nil:
		c.Attend(nil, nil)
	default:
		c.Attend(c.work.Session, given)
	}
}

// given is a track with one of its layers.
func given(t *media.Track, layer int8) *media.Track {
	g := *t
	if len(t.Layers) > 0 {
		g.Config = t.LayerConfig(layer)
		g.Layers = slices.Clone(t.Layers[layer : layer+1])
		g.Layers[0].Config = nil
	}
	return &g
}

func (c *Converter) stopWaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopWaitingLocked()
}

func (c *Converter) stopWaitingLocked() {
	if c.waiter != nil {
		c.waiter.Stop()
	}
}

// publish says which tracks leave, as soon as it is known what becomes of all of them.
// Until then those that left before go on.
func (c *Converter) publish() {
	set := &media.TrackSet{}
	for _, l := range c.lanes {
		out := l.in
		if l.needs {
			out = l.alone
			if w := c.work; w != nil && !w.unavailable {
				made := c.Recipe.Made(l.in, w.made.Track(l.in.ID))
				if made == nil && !c.late {
					return
				}
				if made != nil {
					out = made
				}
			}
			if out != nil && l.was != nil && reflect.DeepEqual(*out, *l.was) {
				out = l.was
			}
		}
		l.out = out
		if out != nil {
			l.was = out
			set.Tracks = append(set.Tracks, out)
		}
	}
	c.force = set
	c.out.SetTracks(set)
	for _, u := range c.held {
		if l := c.laneOf(u.Track); l != nil {
			c.pass(l, u)
		}
	}
	c.held = nil
}

// take leads a unit through its lane.
func (c *Converter) take(u *media.Unit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.laneOf(u.Track)
	if l == nil {
		return
	}
	if !l.needs && u.Track.Form == media.FormAccess && c.Recipe.Proves(u) {
		l.needs, l.out = true, nil
		c.employ()
		c.publish()
	}
	switch {
	case c.force != nil:
		c.pass(l, u)
	case len(c.held) < mostHeld:
		c.held = append(c.held, u)
	}
	if !l.needs || u.Layer != l.layer || c.work == nil {
		return
	}
	g := *u
	g.Track, g.Layer = l.given, 0
	if c.work.Put(&g) {
		c.in.Ask(media.KeyframeRequest{Track: l.in.ID, Layer: l.layer})
	}
}

// mostHeld is how many units wait for the first set: more than come within
// announcePatience.
const mostHeld = 4096

// pass lets out a unit that needs no worker, or what a layer takes of it without one.
func (c *Converter) pass(l *lane, u *media.Unit) {
	switch {
	case !l.needs:
		c.send(u)
	case l.out == nil:
	case l.top == Others && u.Layer != l.layer:
		other := *u
		other.Track = l.out
		c.send(&other)
	case l.top >= 0 && u.Layer == l.layer:
		top := *u
		top.Track, top.Layer = l.out, l.top
		if l.out == l.alone {
			top.Layer = 0
		}
		c.send(&top)
	}
}

// send lets a unit out, if its track is in force.
func (c *Converter) send(u *media.Unit) {
	if c.force != nil && slices.Contains(c.force.Tracks, u.Track) {
		_ = c.out.Send(c.ctx, u) // fails only when ctx is cancelled, which Run sees
	}
}

func (c *Converter) laneOf(t *media.Track) *lane {
	if i := slices.IndexFunc(c.lanes, func(l *lane) bool { return l.in == t }); i >= 0 {
		return c.lanes[i]
	}
	return nil
}

func (c *Converter) lane(id media.TrackID) *lane {
	if i := slices.IndexFunc(c.lanes, func(l *lane) bool { return l.in.ID == id }); i >= 0 {
		return c.lanes[i]
	}
	return nil
}

// Tracks implements Sink.
func (w *work) Tracks(s *media.TrackSet) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.work != w {
		return
	}
	w.made, w.unavailable = s, false
	c.publish()
}

// Unit implements Sink.
func (w *work) Unit(u *media.Unit) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lane(u.Track.ID)
	if c.work != w || l == nil || !l.needs || l.out == nil || l.out == l.alone {
		return
	}
	u.Track = l.out
	switch {
	case l.top == Others:
		u.Layer = l.layer
	case l.top >= 0 && u.Layer >= l.top:
		u.Layer++
	}
	c.send(u)
}

// Levels implements Sink.
func (w *work) Levels(wire.Levels) {}

// NeedKey implements Sink.
func (w *work) NeedKey(id media.TrackID) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.lane(id); c.work == w && l != nil {
		c.in.Ask(media.KeyframeRequest{Track: id, Layer: l.layer})
	}
}

// Unavailable implements Sink.
func (w *work) Unavailable(error) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.work != w {
		return
	}
	w.made, w.unavailable = nil, true
	c.publish()
}
