package mixer

import (
	"context"
	_ "embed"
	"errors"
	"image"
	"io"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/overlay"
	"weir/transcode/wire"
	"weir/transcode/worker"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "transcode/mixer"

// Factory makes the stages of type transcode/mixer, whose workers host runs. Pictures are
// beneath the directory files.
func Factory(host *worker.Host, files string) pipeline.Factory {
	access := pipeline.Streams{Form: media.FormAccess}
	made := access
	made.Codecs = []media.Codec{media.CodecH264, media.CodecOpus, media.CodecAAC}
	made.Without = pipeline.BFrames
	spec := pipeline.Spec{
		Type: Type, Role: pipeline.Transform,
		In:  []pipeline.Port{{Name: "in", Streams: access, Many: true, Doc: "The inputs, in order of their places."}},
		Out: []pipeline.Port{{Name: "out", Streams: made}},
		Doc: "Composes several inputs into one programme.", Example: example,
	}
	return factory{pipeline.Define(spec, defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		return newStage(c, env, host, files), nil
	})}
}

// factory checks the names of inputs as well.
type factory struct{ pipeline.Factory }

// CheckInputs implements pipeline.InputChecker.
func (factory) CheckInputs(cfg any, from []string) error {
	c, ok := cfg.(*Config)
	if !ok {
		return nil
	}
	return c.checkInputs(from)
}

type stage struct {
	host *worker.Host
	env  pipeline.Env
	log  *slog.Logger
	ins  []*pipeline.Input
	out  *pipeline.Output

	running sync.WaitGroup // the worker's session
	fail    context.CancelCauseFunc

	mu     sync.Mutex // guards what follows
	ctx    context.Context
	config Config // replaced, never changed
	cast   *cast
	signs  *signs
	work   *work
	scene  *wire.Scene // what the worker was told last
}

func newStage(c Config, env pipeline.Env, host *worker.Host, files string) *stage {
	return &stage{
		host: host, env: env, log: env.Log, config: c, cast: newCast(nil),
		signs: newSigns(c.Size, write, func(name string) *image.NRGBA {
			picture, err := overlay.File(files, name)
			if err != nil {
				env.Log.Error("the picture of a scene is left out", "picture", name, "error", err)
			}
			return picture
		}),
	}
}

// Run mixes until all inputs have ended.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	inside, fail := context.WithCancelCause(ctx)
	defer s.running.Wait()
	defer fail(nil)
	s.begin(inside, fail, p)
	over := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() { s.listen(over) })
	beside.Go(func() { s.watch(over) })
	defer beside.Wait()
	defer close(over)

	var reading sync.WaitGroup
	for i := range s.ins {
		reading.Go(func() {
			if err := s.read(inside, i); err != nil {
				fail(err)
			}
		})
	}
	reading.Wait()
	s.finish(inside)
	if err := context.Cause(inside); ctx.Err() == nil {
		return err
	}
	return nil
}

func (s *stage) begin(ctx context.Context, fail context.CancelCauseFunc, p *pipeline.Ports) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx, s.fail = ctx, fail
	s.ins, s.out = p.Ins("in"), p.Out("out")
	names := make([]string, len(s.ins))
	for i, in := range s.ins {
		names[i] = in.Origin()
	}
	s.cast = newCast(names)
}

// read takes what an input gives until it ends.
func (s *stage) read(ctx context.Context, input int) error {
	for {
		item, err := s.ins[input].Recv(ctx)
		switch {
		case errors.Is(err, io.EOF):
			s.follow(input, nil)
			return nil
		case err != nil:
			return err
		}
		switch it := item.(type) {
		case *media.TrackSet:
			s.follow(input, it)
		case *media.Unit:
			s.take(input, it)
		}
	}
}

// follow goes on with other tracks of an input.
func (s *stage) follow(input int, set *media.TrackSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cast.follow(input, set)
	tracks := s.cast.tracks()
	if s.work == nil {
		if len(tracks.Tracks) == 0 {
			return
		}
		s.employ()
	}
	s.work.SetTracks(tracks)
	s.direct(time.Now())
}

// take leads a unit of an input to the worker. A participant who has no box yet, or not
// any more, gets one as soon as there is a picture to show.
func (s *stage) take(input int, u *media.Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, l := s.cast.find(func(l *lane) bool { return l.in == u.Track })
	if l == nil || u.Layer != l.layer || s.work == nil {
		return
	}
	given := *u
	given.Track, given.Layer = l.given, 0
	if s.work.Put(&given) {
		s.ins[input].Ask(media.KeyframeRequest{Track: l.in.ID, Layer: l.layer})
		return
	}
	if u.Kind() == media.KindVideo {
		now := time.Now()
		news := p.presence(now) != present
		if p.seen = now; news {
			s.direct(now)
		}
	}
}

// watchEvery is how soon it is noticed that pictures are missing.
const watchEvery = 250 * time.Millisecond

// watch notices what does not happen.
func (s *stage) watch(over <-chan struct{}) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.mu.Lock()
			s.direct(now)
			s.mu.Unlock()
		case <-over:
			return
		}
	}
}

// direct tells the worker what is to be seen and heard, if that has changed. The caller
// holds s.mu.
func (s *stage) direct(now time.Time) {
	if s.work == nil {
		return
	}
	scene := direct(now, &s.config, s.cast, s.signs)
	if s.scene != nil && reflect.DeepEqual(*s.scene, scene) {
		return
	}
	for _, sprite := range s.signs.fresh() {
		s.work.Sprite(sprite)
	}
	s.scene = &scene
	s.work.Scene(scene)
}
