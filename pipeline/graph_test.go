package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a graph under test with the factories it may use.
type world struct {
	t         *testing.T
	factories []pipeline.Factory
	graph     *pipeline.Graph
	cancel    context.CancelFunc
	ended     chan struct{}
}

func newWorld(t *testing.T, factories ...pipeline.Factory) *world {
	t.Helper()
	return &world{t: t, factories: factories}
}

// plan makes a plan from lines "name use [from...]".
func (w *world) plan(lines ...string) *pipeline.Plan {
	w.t.Helper()
	reg, err := pipeline.NewRegistry(w.factories...)
	if err != nil {
		w.t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(definition(w.t, reg, lines...), reg)
	if plan == nil {
		w.t.Fatalf("no plan: %v", problems)
	}
	return plan
}

func definition(t *testing.T, reg *pipeline.Registry, lines ...string) *pipeline.Definition {
	t.Helper()
	pattern, err := pipeline.ParsePattern("live/{name}")
	if err != nil {
		t.Fatal(err)
	}
	def := &pipeline.Definition{Pattern: pattern}
	for _, line := range lines {
		words := strings.Fields(line)
		s := pipeline.StageDef{Name: words[0], Use: words[1]}
		if f, ok := reg.Lookup(s.Use); ok {
			s.Config = f.Config()
		}
		for _, from := range words[2:] {
			stage, port, _ := strings.Cut(from, ".")
			s.From = append(s.From, pipeline.From{Stage: stage, Port: port})
		}
		def.Stages = append(def.Stages, s)
	}
	return def
}

// run starts a graph; the test's bubble must end it.
func (w *world) run(lines ...string) {
	w.t.Helper()
	w.graph = pipeline.NewGraph(w.plan(lines...), pipeline.Options{
		Path: "live/studio", Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	w.cancel, w.ended = cancel, make(chan struct{})
	go func() { defer close(w.ended); w.graph.Run(ctx) }()
	synctest.Wait()
}

func (w *world) stop() {
	w.t.Helper()
	w.cancel()
	<-w.ended
}

func (w *world) stage(name string) pipeline.StageSnapshot {
	w.t.Helper()
	for _, s := range w.graph.Snapshot().Stages {
		if s.Name == name {
			return s
		}
	}
	w.t.Fatalf("there is no stage %s", name)
	return pipeline.StageSnapshot{}
}

// ticker is a live source of type "test/ticker" that sends a unit every 10 ms, a key
// unit every tenth, with the time since the epoch.
func ticker() pipeline.Factory {
	return pipeline.Define[stagetest.NoConfig](
		pipeline.Spec{Type: "test/ticker", Role: pipeline.Source, Live: true, Out: []pipeline.Port{{Name: "out"}}},
		func() stagetest.NoConfig { return stagetest.NoConfig{} },
		func(_ stagetest.NoConfig, env pipeline.Env) (pipeline.Stage, error) {
			return stagetest.Func(func(ctx context.Context, p *pipeline.Ports) error {
				set := &media.TrackSet{Tracks: []*media.Track{stagetest.VideoTrack()}}
				p.Out("out").SetTracks(set)
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for n := 0; ; n++ {
					select {
					case <-ctx.Done():
						return nil
					case <-tick.C:
					}
					at := media.VideoRate.Ticks(time.Since(env.Epoch))
					u := &media.Unit{Track: set.Tracks[0], PTS: at, DTS: at, Access: [][]byte{{0x41}}}
					if n%10 == 0 {
						u.Flags |= media.Key
					}
					if err := p.Out("out").Send(ctx, u); err != nil {
						return err
					}
				}
			}), nil
		})
}

func TestMediaFlowsToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := stagetest.Movie(stagetest.Both(), 2*time.Second)
		sink := &stagetest.Collector{}
		w := newWorld(t, stagetest.Source(items, nil), sink.Factory())
		w.run("cam test/source", "out test/sink cam")
		<-w.ended
		if got, want := len(sink.Units()), len(items)-1; got != want || sink.Ends() != 1 {
			t.Errorf("%d of %d units arrived, the input ended %d times", got, want, sink.Ends())
		}
		if s := w.stage("out"); s.State != pipeline.Ended || s.Failure != nil {
			t.Errorf("the sink is %v: %v", s.State, s.Failure)
		}
	})
}

func TestOnlySourcesSeeTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sinkCancelled atomic.Bool
		sink := stagetest.Stage(pipeline.Spec{Type: "test/slow", Role: pipeline.Sink},
			func(ctx context.Context, p *pipeline.Ports) error {
				for {
					if _, err := p.In("in").Recv(ctx); err == io.EOF { //nolint:errorlint // promised bare
						break
					}
				}
				time.Sleep(3 * time.Second) // flushing
				sinkCancelled.Store(ctx.Err() != nil)
				return nil
			})
		w := newWorld(t, ticker(), sink)
		w.run("cam test/ticker", "out test/slow cam")
		began := time.Now()
		w.stop()
		if sinkCancelled.Load() || time.Since(began) != 3*time.Second {
			t.Errorf("after %v the flushing sink was cancelled: %v", time.Since(began), sinkCancelled.Load())
		}
	})
}

func TestAStageThatDoesNotEndIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := stagetest.Stage(pipeline.Spec{Type: "test/stuck", Role: pipeline.Sink},
			func(ctx context.Context, _ *pipeline.Ports) error { <-ctx.Done(); return ctx.Err() })
		w := newWorld(t, ticker(), stuck)
		w.run("cam test/ticker", "out test/stuck cam")
		began := time.Now()
		w.stop()
		if took := time.Since(began); took != pipeline.DefaultDrain {
			t.Errorf("it took %v", took)
		}
	})
}

// TestAFailingSinkFailsAlone: every way to fail, and a bystander that loses nothing.
func TestAFailingSinkFailsAlone(t *testing.T) {
	fail := func(_ context.Context, p *pipeline.Ports) error {
		return pipeline.Failf(pipeline.Transient, "connect", "refused")
	}
	ways := map[string]struct {
		run      stagetest.Func
		kind     pipeline.Kind
		state    pipeline.State
		restarts bool
	}{
		"transient": {fail, pipeline.Transient, pipeline.Waiting, true},
		"untyped":   {func(context.Context, *pipeline.Ports) error { return errors.New("oh") }, pipeline.Internal, pipeline.Waiting, true},
		"panic": {func(context.Context, *pipeline.Ports) error {
			return fmt.Errorf("%s", strings.Fields("one")[1])
		}, pipeline.Internal, pipeline.Waiting, true},
		"config": {func(context.Context, *pipeline.Ports) error {
			return pipeline.Failf(pipeline.Config, "open", "no such bucket")
		}, pipeline.Config, pipeline.Failed, false},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := &stagetest.Collector{}
				bad := stagetest.Stage(pipeline.Spec{Type: "test/bad", Role: pipeline.Sink}, way.run)
				w := newWorld(t, ticker(), good.Factory(), bad)
				w.run("cam test/ticker", "good test/sink cam", "bad test/bad cam")
				time.Sleep(60*time.Second + 5*time.Millisecond)
				synctest.Wait()
				if got := len(good.Units()); got != 6000 {
					t.Errorf("the bystander received %d of 6000 units", got)
				}
				s := w.stage("bad")
				if s.Failure == nil || s.Failure.Kind != way.kind || s.State != way.state {
					t.Errorf("state %v, failure %v", s.State, s.Failure)
				}
				if n := s.Restarts[way.kind]; (n > 4) != way.restarts || n > 12 {
					t.Errorf("%d restarts in a minute", n)
				}
				w.stop()
			})
		})
	}
}

func TestARestartedSourceGoesOnInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs int
		flaky := pipeline.Define[stagetest.NoConfig](
			pipeline.Spec{Type: "test/flaky", Role: pipeline.Source, Out: []pipeline.Port{{Name: "out"}}},
			func() stagetest.NoConfig { return stagetest.NoConfig{} },
			func(_ stagetest.NoConfig, env pipeline.Env) (pipeline.Stage, error) {
				return stagetest.Func(func(ctx context.Context, p *pipeline.Ports) error {
					runs++
					set := &media.TrackSet{Tracks: []*media.Track{stagetest.VideoTrack()}}
					p.Out("out").SetTracks(set)
					// The first run sends one second ahead of time, so the second one is
					// late with its first half.
					at := media.VideoRate.Ticks(time.Since(env.Epoch))
					for n := range media.Ticks(10 * runs) {
						dts := at + n*9000
						if err := p.Out("out").Send(ctx, &media.Unit{
							Track: set.Tracks[0], PTS: dts, DTS: dts, Flags: media.Key, Access: [][]byte{{byte(runs)}},
						}); err != nil {
							return err
						}
					}
					if runs == 1 {
						return pipeline.Failf(pipeline.Overrun, "read", "cut")
					}
					return nil
				}), nil
			})
		sink := &stagetest.Collector{}
		w := newWorld(t, flaky, sink.Factory())
		w.run("cam test/flaky", "out test/sink cam")
		<-w.ended
		var last media.Ticks = -1
		var second []*media.Unit
		for _, u := range sink.Units() {
			if u.DTS <= last {
				t.Errorf("DTS %d after %d", u.DTS, last)
			}
			last = u.DTS
			if u.Access[0][0] == 2 {
				second = append(second, u)
			}
		}
		if len(second) == 0 || !second[0].Flags.Has(media.Discontinuity) || second[1].Flags.Has(media.Discontinuity) {
			t.Errorf("the second run's units are not marked: %d", len(second))
		}
		if late := w.stage("cam").Outputs[0].Late; int(late) != 20-len(second) {
			t.Errorf("%d units were counted late, %d arrived", late, len(second))
		}
	})
}

func TestConsumersOpenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		probe := func(name string, spec pipeline.Spec) pipeline.Factory {
			spec.Type = name
			return pipeline.Define[stagetest.NoConfig](spec, func() stagetest.NoConfig { return stagetest.NoConfig{} },
				func(stagetest.NoConfig, pipeline.Env) (pipeline.Stage, error) {
					return &opener{func() { order = append(order, name) }}, nil
				})
		}
		in, out := []pipeline.Port{{Name: "in"}}, []pipeline.Port{{Name: "out"}}
		w := newWorld(t, probe("src", pipeline.Spec{Role: pipeline.Source, Out: out}),
			probe("mid", pipeline.Spec{Role: pipeline.Transform, In: in, Out: out}),
			probe("dst", pipeline.Spec{Role: pipeline.Sink, In: in}))
		w.run("a src", "b mid a", "c dst b")
		<-w.ended
		if got := strings.Join(order, " "); got != "dst mid src" {
			t.Errorf("opened in the order %s", got)
		}
	})
}

type opener struct{ note func() }

func (o *opener) Open(context.Context) error { o.note(); return nil }

func (o *opener) Run(ctx context.Context, p *pipeline.Ports) error {
	if in := p.In("in"); in != nil {
		for {
			if _, err := in.Recv(ctx); err != nil {
				return nil
			}
		}
	}
	return nil
}

func TestFeedbackIsMergedAndRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		began := time.Now()
		source := stagetest.Stage(pipeline.Spec{Type: "test/asked", Role: pipeline.Source},
			func(ctx context.Context, p *pipeline.Ports) error {
				for {
					select {
					case f := <-p.Out("out").Feedback():
						got = append(got, fmt.Sprintf("%v %T", time.Since(began), f))
					case <-ctx.Done():
						return nil
					}
				}
			})
		asker := stagetest.Stage(pipeline.Spec{Type: "test/asker", Role: pipeline.Sink},
			func(ctx context.Context, p *pipeline.Ports) error {
				for range 12 { // one every 100 ms
					p.In("in").Ask(media.KeyframeRequest{Track: "video"})
					time.Sleep(100 * time.Millisecond)
				}
				<-ctx.Done()
				return ctx.Err()
			})
		w := newWorld(t, source, asker)
		w.run("cam test/asked", "a test/asker cam", "b test/asker cam", "c test/asker cam")
		time.Sleep(5 * time.Second)
		w.stop()
		if s := strings.Join(got, ", "); s != "0s media.KeyframeRequest, 500ms media.KeyframeRequest, "+
			"1s media.KeyframeRequest, 1.5s media.KeyframeRequest" {
			t.Error(s)
		}
	})
}

// convert is a transform that the planner may insert: AAC to Opus, in name only.
func converter(runs *atomic.Int32) pipeline.Factory {
	aac, opus := []media.Codec{media.CodecAAC}, []media.Codec{media.CodecOpus}
	return stagetest.Stage(pipeline.Spec{
		Type: "test/opus", Role: pipeline.Transform,
		Converts: []pipeline.Conversion{{
			Name: "opus", Kind: media.KindAudio, Why: "browsers play Opus",
			From: pipeline.Streams{Codecs: aac}, To: pipeline.Streams{Codecs: opus},
		}},
	}, func(ctx context.Context, p *pipeline.Ports) error {
		runs.Add(1)
		defer runs.Add(-1)
		for {
			item, err := p.In("in").Recv(ctx)
			if err == io.EOF { //nolint:errorlint // promised bare
				return nil
			}
			if err != nil {
				return err
			}
			if err := stagetest.Put(ctx, p.Out("out"), item); err != nil {
				return err
			}
		}
	})
}

func TestAnInsertedConversionRunsWhileWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		wanted := make(chan bool)
		opusOnly := []pipeline.Port{{Name: "in", Streams: pipeline.Streams{Codecs: []media.Codec{media.CodecH264, media.CodecOpus}}}}
		viewer := stagetest.Stage(pipeline.Spec{Type: "test/whep", Role: pipeline.Sink, In: opusOnly},
			func(ctx context.Context, p *pipeline.Ports) error {
				p.In("in").Want(false)
				for {
					select {
					case w := <-wanted:
						p.In("in").Want(w)
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			})
		source := stagetest.Stage(pipeline.Spec{
			Type: "test/rtmp", Role: pipeline.Source,
			Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{Codecs: []media.Codec{media.CodecH264, media.CodecAAC}}}},
		}, func(ctx context.Context, _ *pipeline.Ports) error { <-ctx.Done(); return nil })
		w := newWorld(t, source, viewer, converter(&runs))
		w.run("cam test/rtmp", "a test/whep cam")
		if s := w.stage("~opus"); !s.Inserted || s.Why != "test/whep takes no AAC; browsers play Opus" {
			t.Errorf("%+v", s)
		}
		time.Sleep(10 * time.Second)
		expect := func(running int32, state pipeline.State) {
			t.Helper()
			synctest.Wait()
			if runs.Load() != running || w.stage("~opus").State != state {
				t.Errorf("%d conversions run, the stage is %v", runs.Load(), w.stage("~opus").State)
			}
		}
		expect(0, pipeline.Paused)
		wanted <- true
		expect(1, pipeline.Running)
		wanted <- false
		expect(1, pipeline.Running) // for a while
		time.Sleep(6 * time.Second)
		expect(0, pipeline.Paused)
		w.stop()
	})
}

// Two conversions in a row in front of a stage that wants nothing to begin with never
// run; they start together when it wants something, and end together.
func TestAChainOfConversionsIsLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starts atomic.Int32
		wanted := make(chan bool)
		through := func(name string, c pipeline.Conversion) pipeline.Factory {
			return stagetest.Stage(pipeline.Spec{Type: name, Role: pipeline.Transform, Converts: []pipeline.Conversion{c}},
				func(ctx context.Context, p *pipeline.Ports) error {
					starts.Add(1)
					for {
						item, err := p.In("in").Recv(ctx)
						if err != nil {
							return nil
						}
						_ = stagetest.Put(ctx, p.Out("out"), item)
					}
				})
		}
		rtp, access := pipeline.Streams{Form: media.FormRTP}, pipeline.Streams{Form: media.FormAccess}
		viewer := stagetest.Stage(pipeline.Spec{Type: "test/whep", Role: pipeline.Sink, In: []pipeline.Port{{
			Name: "in", OnDemand: true,
			Streams: pipeline.Streams{Form: media.FormRTP, Without: pipeline.BFrames},
		}}}, func(ctx context.Context, p *pipeline.Ports) error {
			for {
				select {
				case w := <-wanted:
					p.In("in").Want(w)
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
		source := stagetest.Stage(pipeline.Spec{Type: "test/rtmp", Role: pipeline.Source, Out: []pipeline.Port{{Name: "out", Streams: access}}},
			func(ctx context.Context, _ *pipeline.Ports) error { <-ctx.Done(); return nil })
		w := newWorld(t, source, viewer,
			through("test/rtp", pipeline.Conversion{Name: "rtp", From: access, To: rtp}),
			through("test/nob", pipeline.Conversion{
				Name: "nobframes", Kind: media.KindVideo, From: access,
				To: pipeline.Streams{Form: media.FormAccess, Without: pipeline.BFrames},
			}))
		w.run("cam test/rtmp", "a test/whep cam")
		expect := func(after time.Duration, n int32, state pipeline.State) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			for _, name := range []string{"~rtp", "~nobframes"} {
				if s := w.stage(name).State; s != state || starts.Load() != n {
					t.Errorf("%s is %v after %d starts", name, s, starts.Load())
				}
			}
		}
		expect(20*time.Second, 0, pipeline.Paused)
		wanted <- true
		expect(0, 2, pipeline.Running)
		wanted <- false
		expect(4*time.Second, 2, pipeline.Running)
		wanted <- true
		expect(20*time.Second, 2, pipeline.Running)
		wanted <- false
		expect(6*time.Second, 2, pipeline.Paused)
		wanted <- true
		expect(0, 4, pipeline.Running)
		w.stop()
	})
}

func TestApplyDisturbsOnlyWhatItTouches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, removed, added := &stagetest.Collector{}, &stagetest.Collector{}, &stagetest.Collector{}
		rename := func(c *stagetest.Collector, name string) pipeline.Factory {
			f := c.Factory()
			spec := *f.Spec()
			spec.Type = name
			return renamed{f, &spec}
		}
		w := newWorld(t, ticker(), rename(kept, "test/kept"), rename(removed, "test/removed"), rename(added, "test/added"))
		with := []string{"cam test/ticker", "a test/kept cam", "b test/removed cam"}
		without := []string{"cam test/ticker", "a test/kept cam", "c test/added cam"}
		w.run(with...)
		time.Sleep(time.Second)
		change := w.graph.Apply(w.plan(without...))
		if s := change.String(); s != "1 stage starts (c), 1 stage ends (b), 2 untouched" {
			t.Error(s)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if removed.Ends() != 1 || added.Ends() != 0 || len(added.Units()) == 0 {
			t.Errorf("removed: %d ends; added: %d units", removed.Ends(), len(added.Units()))
		}
		for n := range 200 {
			w.graph.Apply(w.plan([][]string{with, without}[n%2]...))
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(5*time.Millisecond + time.Until(w.graph.Snapshot().Epoch.Add(5*time.Second)))
		synctest.Wait()
		if got := len(kept.Units()); got != 500 || kept.Ends() != 0 {
			t.Errorf("the untouched sink received %d of 500 units and ended %d times", got, kept.Ends())
		}
		w.stop()
	})
}

// renamed is a factory under another type.
type renamed struct {
	pipeline.Factory
	spec *pipeline.Spec
}

func (r renamed) Spec() *pipeline.Spec { return r.spec }

func TestRewiringRestartsOnlyTheConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, moved := &stagetest.Collector{}, &stagetest.Collector{}
		f := moved.Factory()
		spec := *f.Spec()
		spec.Type = "test/moved"
		w := newWorld(t, ticker(), kept.Factory(), renamed{f, &spec})
		w.run("one test/ticker", "two test/ticker", "a test/sink one", "b test/moved one")
		time.Sleep(time.Second)
		change := w.graph.Apply(w.plan("one test/ticker", "two test/ticker", "a test/sink one", "b test/moved two"))
		if s := change.String(); s != "1 stage restarts (b), 3 untouched" {
			t.Error(s)
		}
		time.Sleep(time.Second + 5*time.Millisecond)
		synctest.Wait()
		if kept.Ends() != 0 || len(kept.Units()) != 200 || moved.Ends() != 1 || len(moved.Units()) < 190 {
			t.Errorf("kept: %d units, %d ends; moved: %d units, %d ends", len(kept.Units()), kept.Ends(), len(moved.Units()), moved.Ends())
		}
		w.stop()
	})
}

func TestReconfigureInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int32
		f := pipeline.Define[level](
			pipeline.Spec{Type: "test/level", Role: pipeline.Sink, In: []pipeline.Port{{Name: "in"}}},
			func() level { return level{} },
			func(level, pipeline.Env) (pipeline.Stage, error) {
				made.Add(1)
				return &adjustable{}, nil
			})
		w := newWorld(t, ticker(), f)
		w.run("cam test/ticker", "out test/level cam")
		for n, want := range []int32{1, 1, 2} { // 0 → 1 in place, 1 → 2 by restart
			plan := w.plan("cam test/ticker", "out test/level cam")
			plan.Nodes[1].Config = &level{n}
			w.graph.Apply(plan)
			time.Sleep(time.Second)
			synctest.Wait()
			if made.Load() != want {
				t.Errorf("level %d: %d stages were made", n, made.Load())
			}
		}
		if r := w.stage("out").Restarts; len(r) != 0 {
			t.Errorf("a change of configuration counts as a failure: %v", r)
		}
		w.stop()
	})
}

type level struct{ N int }

func (*level) Validate() error { return nil }

type adjustable struct{ opener }

func (a *adjustable) Open(context.Context) error { return nil }

func (a *adjustable) Reconfigure(cfg any) (bool, error) { return cfg.(*level).N < 2, nil }
