package test_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"weir/ingest/test"
	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/transcode/worker"
	"weir/transcode/worker/workertest"
)

func TestMain(m *testing.M) { workertest.Main(m) }

func TestStage(t *testing.T) {
	stagetest.Run(t, test.Factory(workertest.Host(t, worker.Config{})), stagetest.Options{})
}

// run runs a source into a sink until ctx ends, and returns a function that waits for
// that.
func run(ctx context.Context, t *testing.T, sink pipeline.Factory, configure func(*test.Config)) (*pipeline.Graph, func()) {
	t.Helper()
	f := test.Factory(workertest.Host(t, worker.Config{}))
	cfg, _ := f.Config().(*test.Config)
	configure(cfg)
	reg, err := pipeline.NewRegistry(f, sink)
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := pipeline.ParsePattern("live/test")
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, When: pipeline.Always, Stages: []pipeline.StageDef{
		{Name: "card", Use: test.Type, Config: cfg},
		{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "card"}}},
	}}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	g := pipeline.NewGraph(plan, pipeline.Options{
		Path: "live/test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Drain: 5 * time.Second,
	})
	over := make(chan struct{})
	go func() { defer close(over); g.Run(ctx) }()
	return g, func() { <-over }
}

// pid is the worker's.
func pid(g *pipeline.Graph) int {
	for _, s := range g.Snapshot().Stages {
		if st, ok := s.Detail.(worker.Status); ok {
			return st.PID
		}
	}
	return 0
}

// of are the units of a track.
func of(c *stagetest.Collector, id media.TrackID) []*media.Unit {
	return slices.DeleteFunc(c.Units(), func(u *media.Unit) bool { return u.Track.ID != id })
}

// A worker that is killed is replaced within two seconds: the tracks stay, time goes on
// with the world, and the seam is marked.
func TestFall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := time.Now()
	sink := &stagetest.Collector{}
	g, wait := run(ctx, t, sink.Factory(), func(*test.Config) {})
	workertest.Until(t, "the first second", func() bool { return len(of(sink, "video")) > 50 })
	p, err := os.FindProcess(pid(g))
	if err != nil {
		t.Fatal(err)
	}
	before := len(of(sink, "video"))
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	workertest.Until(t, "the next worker's second", func() bool { return len(of(sink, "video")) > before+50 })
	cancel()
	wait()
	sets := 0
	for _, it := range sink.Items() {
		if s, ok := it.(*media.TrackSet); ok {
			if sets++; len(s.Tracks) != 2 {
				t.Errorf("a set of %d tracks", len(s.Tracks))
			}
		}
	}
	if sets != 1 {
		t.Errorf("the tracks came %d times", sets)
	}
	for _, id := range []media.TrackID{"video", "audio"} {
		units := of(sink, id)
		if !units[0].Flags.Has(media.Key) {
			t.Errorf("%s does not begin with a key unit", id)
		}
		seams := 0
		for i, u := range units[1:] {
			gap := u.Track.Rate.Duration(u.DTS - units[i].DTS)
			marked := u.Flags.Has(media.Discontinuity)
			if marked {
				seams++
			}
			if gap > 500*time.Millisecond && !marked || gap > 2*time.Second {
				t.Errorf("%s: %v are missing, marked: %v", id, gap, marked)
			}
		}
		if seams != 1 {
			t.Errorf("%s has %d seams", id, seams)
		}
		last := units[len(units)-1]
		if off := time.Since(begun) - last.Track.Rate.Duration(last.DTS); off.Abs() > 2*time.Second {
			t.Errorf("%s is %v behind the world", id, off)
		}
	}
}

// What a consumer wants reaches the worker.
func TestKeyframe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answered := make(chan struct{})
	_, wait := run(ctx, t, stagetest.Stage(pipeline.Spec{Type: "test/sink", Role: pipeline.Sink}, func(ctx context.Context, p *pipeline.Ports) error {
		n := 0
		for {
			item, err := p.In("in").Recv(ctx)
			if err != nil {
				return nil
			}
			u, ok := item.(*media.Unit)
			if !ok {
				continue
			}
			if n++; n == 10 {
				p.In("in").Ask(media.KeyframeRequest{Track: "video"})
			}
			if n > 10 && u.Flags.Has(media.Key) {
				close(answered)
				return nil
			}
		}
	}), func(c *test.Config) { c.Audio = "none" })
	select {
	case <-answered:
	case <-time.After(20 * time.Second):
		t.Error("no key unit came")
	}
	cancel()
	wait()
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*test.Config){
		"odd":   func(c *test.Config) { c.Width = 1281 },
		"small": func(c *test.Config) { c.Height = 80 },
		"large": func(c *test.Config) { c.Width = 8000 },
		"slow":  func(c *test.Config) { c.FPS = 0 },
		"rate":  func(c *test.Config) { c.Bitrate = 100 },
		"keys":  func(c *test.Config) { c.KeyframeEvery = 0 },
		"sound": func(c *test.Config) { c.Audio = "mp3" },
	} {
		f := test.Factory(nil)
		cfg, _ := f.Config().(*test.Config)
		if err := f.Check(cfg); err != nil {
			t.Fatalf("the defaults: %v", err)
		}
		change(cfg)
		if err := f.Check(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
