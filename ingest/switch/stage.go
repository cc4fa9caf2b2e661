package switcher

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
)

//go:embed example.yaml
var example string

// Factory makes switches.
func Factory() pipeline.Factory {
	access := pipeline.Streams{Form: media.FormAccess}
	spec := pipeline.Spec{
		Type: "ingest/switch", Role: pipeline.Transform,
		In:  []pipeline.Port{{Name: "in", Streams: access, Many: true, Doc: "The sources, in order of preference."}},
		Out: []pipeline.Port{{Name: "out", Streams: access}},
		Doc: "Chooses one of several sources and makes one stream of them.", Example: example,
	}
	return pipeline.Define(spec, defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		return &stage{config: c, log: env.Log}, nil
	})
}

type stage struct {
	config Config
	log    *slog.Logger

	mu      sync.Mutex // guards what follows
	out     *pipeline.Output
	inputs  []*input
	onAir   *input // nil before the first
	changes int
	last    []tail
}

// tail is where a track and layer of the output ends.
type tail struct {
	track media.TrackID
	layer int8
	at    time.Duration
}

// Run forwards the input that is on air until all inputs have ended.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	s.mu.Lock()
	s.out = p.Out("out")
	for rank, port := range p.Ins("in") {
		s.inputs = append(s.inputs, &input{port: port, rank: rank})
	}
	s.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, in := range s.inputs {
		wg.Go(func() {
			if err := s.read(ctx, in); err != nil {
				cancel(err)
			}
		})
	}
	forwarding := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(forwarding)
		s.forward(ended)
	}()
	wg.Wait()
	close(ended)
	<-forwarding
	return context.Cause(ctx)
}

func (s *stage) read(ctx context.Context, in *input) error {
	for {
		item, err := in.port.Recv(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := s.take(ctx, in, item); err != nil {
			return err
		}
	}
}

// forward passes feedback on to the input on air.
func (s *stage) forward(ended <-chan struct{}) {
	for {
		select {
		case f := <-s.out.Feedback():
			s.mu.Lock()
			if s.onAir != nil {
				s.onAir.port.Ask(f)
			}
			s.mu.Unlock()
		case <-ended:
			return
		}
	}
}

// take deals with an item of an input.
func (s *stage) take(ctx context.Context, in *input, item media.Item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch it := item.(type) {
	case *media.TrackSet:
		in.set = it
		if in == s.onAir {
			s.out.SetTracks(it)
		}
	case *media.Unit:
		now := time.Now()
		in.hear(it, now)
		if in != s.onAir && s.wanted(in, now) {
			if !in.entry(it) {
				s.ask(in, it)
				return nil
			}
			s.change(in, it)
		}
		if in == s.onAir {
			in.fresh = false
			return s.send(ctx, in, it)
		}
	}
	return nil
}

// wanted says whether in is to go on air as soon as it can.
func (s *stage) wanted(in *input, now time.Time) bool {
	switch {
	case s.onAir == nil, !s.onAir.on(now):
		return true
	case s.config.Policy == newest:
		return in.fresh
	default:
		return in.rank < s.onAir.rank && now.Sub(in.since) >= steady
	}
}

// ask asks an input that is to go on air for the key picture it can begin with.
func (s *stage) ask(in *input, u *media.Unit) {
	if u.Kind() == media.KindVideo {
		in.port.Ask(media.KeyframeRequest{Track: u.Track.ID, Layer: u.Layer})
	}
}

// change puts in on air, beginning with u.
func (s *stage) change(in *input, u *media.Unit) {
	in.shift, in.marked = 0, nil
	for _, t := range s.last {
		if behind := t.at - u.Time(); behind >= 0 {
			in.shift = max(in.shift, behind+time.Millisecond)
		}
	}
	if s.onAir != nil {
		s.changes++
		s.log.Info("another source is on air", "input", in.rank, "before", s.onAir.rank)
	}
	s.onAir = in
	s.out.SetTracks(in.set)
}

// send sends a unit of the input on air at its time of the output.
func (s *stage) send(ctx context.Context, in *input, u *media.Unit) error {
	first := s.changes > 0 && !slices.ContainsFunc(in.marked, func(t *media.Track) bool { return t.ID == u.Track.ID })
	if first || in.shift != 0 {
		moved := *u
		shift := u.Track.Rate.Ticks(in.shift)
		moved.PTS += shift
		moved.DTS += shift
		if first {
			moved.Flags |= media.Discontinuity
			in.marked = append(in.marked, u.Track)
		}
		u = &moved
	}
	i := slices.IndexFunc(s.last, func(t tail) bool { return t.track == u.Track.ID && t.layer == u.Layer })
	if i < 0 {
		i = len(s.last)
		s.last = append(s.last, tail{track: u.Track.ID, layer: u.Layer})
	}
	s.last[i].at = max(s.last[i].at, u.Time())
	return s.out.Send(ctx, u)
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := description{OnAir: -1, Changes: s.changes}
	if s.onAir != nil {
		d.OnAir = s.onAir.rank
	}
	now := time.Now()
	for _, in := range s.inputs {
		d.On = append(d.On, in.on(now))
	}
	return d
}

// description is what the API shows.
type description struct {
	OnAir   int    `json:"on_air"` // place in `from`; -1 before the first
	On      []bool `json:"on"`     // which inputs send
	Changes int    `json:"changes"`
}

var _ pipeline.Describer = (*stage)(nil)
