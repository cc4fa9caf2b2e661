package stagetest

import (
	"bytes"
	"context"
	"encoding/gob"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/media"
)

// patience is how long a stage may take for what should be immediate. It only ends
// tests that have failed.
const patience = 10 * time.Second

// Options adapt the suite to a stage.
type Options struct {
	// Configure changes the default configuration to one that can run here; cfg is
	// what the factory's Config returns. May be nil.
	Configure func(t *testing.T, cfg any)
	// Tracks are what the stage is fed with; nil means Both.
	Tracks func() *media.TrackSet
}

// Run checks what every stage owes the runtime.
func Run(t *testing.T, f pipeline.Factory, opts Options) {
	t.Helper()
	if opts.Tracks == nil {
		opts.Tracks = Both
	}
	s := suite{factory: f, opts: opts}
	t.Run("is declared completely", s.declaration)
	t.Run("ends when cancelled", s.cancel)
	if len(f.Spec().In) == 0 {
		return
	}
	t.Run("ends when its inputs end", s.inputsEnd)
	t.Run("ends when its inputs never begin", s.empty)
	t.Run("survives a change of tracks", s.change)
	t.Run("leaves borrowed units alone", s.immutable)
}

type suite struct {
	factory pipeline.Factory
	opts    Options
}

func (s suite) declaration(t *testing.T) {
	spec := s.factory.Spec()
	if spec.Doc == "" {
		t.Error("the spec has no Doc")
	}
	if spec.Example == "" {
		t.Error("the spec has no Example")
	}
	if a, b := s.factory.Config(), s.factory.Config(); a == b {
		t.Error("Config returns the same value twice")
	}
	if err := s.factory.Check(s.config(t)); err != nil {
		t.Errorf("the configuration under test is refused: %v", err)
	}
}

func (s suite) config(t *testing.T) any {
	t.Helper()
	cfg := s.factory.Config()
	if s.opts.Configure != nil {
		s.opts.Configure(t, cfg)
	}
	return cfg
}

// Graph plans test/source → stage → test/sink, as far as the stage has ports for
// them.
func (s suite) graph(t *testing.T, source pipeline.Factory, sink *Collector) *pipeline.Graph {
	t.Helper()
	spec := s.factory.Spec()
	pattern, err := pipeline.ParsePattern("test/stage")
	if err != nil {
		t.Fatal(err)
	}
	def := &pipeline.Definition{Pattern: pattern}
	under := pipeline.StageDef{Name: "stage", Use: spec.Type, Config: s.config(t), Restart: pipeline.RestartNever}
	if len(spec.In) > 0 {
		def.Stages = append(def.Stages, pipeline.StageDef{Name: "source", Use: "test/source", Config: &NoConfig{}})
		under.From = []pipeline.From{{Stage: "source", To: spec.In[0].Name}}
	}
	def.Stages = append(def.Stages, under)
	if len(spec.Out) > 0 {
		def.Stages = append(def.Stages, pipeline.StageDef{
			Name: "sink", Use: "test/sink", Config: &NoConfig{},
			From: []pipeline.From{{Stage: "stage", Port: spec.Out[0].Name}},
		})
	}
	reg, err := pipeline.NewRegistry(source, s.factory, sink.Factory())
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(def, reg)
	if plan == nil {
		t.Fatalf("the stage cannot be planned: %v", problems)
	}
	return pipeline.NewGraph(plan, pipeline.Options{
		Path: "test/stage", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Drain: patience,
	})
}

// runs starts a graph and returns a function that waits for its end.
func runs(ctx context.Context, t *testing.T, g *pipeline.Graph) (wait func()) {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	ended := make(chan struct{})
	go func() { defer close(ended); g.Run(ctx) }()
	return func() {
		t.Helper()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("the graph did not end")
		}
		for _, st := range g.Snapshot().Stages {
			if st.Name == "stage" && st.Failure != nil {
				t.Errorf("the stage failed: %v", st.Failure)
			}
		}
		if err := goleak.Find(leaks); err != nil {
			t.Errorf("the stage left goroutines behind: %v", err)
		}
	}
}

func (s suite) cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	more := make(chan media.Item)
	g := s.graph(t, Source(Movie(s.opts.Tracks(), time.Second), more), &Collector{})
	wait := runs(ctx, t, g)
	awaitRunning(t, g)
	cancel()
	wait()
}

func awaitRunning(t *testing.T, g *pipeline.Graph) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		for _, st := range g.Snapshot().Stages {
			if st.Name == "stage" && st.State != pipeline.Starting {
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the stage did not start to run")
		}
	}
}

func (s suite) inputsEnd(t *testing.T) {
	sink := &Collector{}
	g := s.graph(t, Source(Movie(s.opts.Tracks(), 3*time.Second), nil), sink)
	runs(t.Context(), t, g)()
	if len(s.factory.Spec().Out) > 0 && (len(sink.Units()) == 0 || sink.Ends() != 1) {
		t.Errorf("%d units came out and the output ended %d times", len(sink.Units()), sink.Ends())
	}
}

func (s suite) empty(t *testing.T) {
	g := s.graph(t, Source(nil, nil), &Collector{})
	runs(t.Context(), t, g)()
}

func (s suite) change(t *testing.T) {
	first, second := s.opts.Tracks(), s.opts.Tracks()
	items := Movie(first, 2*time.Second)
	items = append(items, MovieFrom(second, 2*time.Second, 2*time.Second)...)
	last := second.Tracks[:1]
	items = append(items, MovieFrom(&media.TrackSet{Version: 3, Tracks: last}, 4*time.Second, time.Second)...)
	g := s.graph(t, Source(items, nil), &Collector{})
	runs(t.Context(), t, g)()
}

func (s suite) immutable(t *testing.T) {
	items := Movie(s.opts.Tracks(), 2*time.Second)
	before := fingerprint(t, items)
	g := s.graph(t, Source(items, nil), &Collector{})
	runs(t.Context(), t, g)()
	if !slices.Equal(before, fingerprint(t, items)) {
		t.Error("the stage changed units that it had borrowed")
	}
}

// fingerprint is the content of all units.
func fingerprint(t *testing.T, items []media.Item) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := gob.NewEncoder(&b)
	for _, item := range items {
		u, ok := item.(*media.Unit)
		if !ok {
			continue
		}
		if err := enc.Encode([]any{int64(u.PTS), int64(u.DTS), uint8(u.Flags), bytes.Join(u.Access, nil)}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}
