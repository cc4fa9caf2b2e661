package instance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a host with a door for publishers, who are just strings.
type house struct {
	t       *testing.T
	host    *instance.Host
	door    instance.Door[string]
	viewers chan int
	events  chan string // "live/a took bob", "live/a ended"
	wakes   map[string]func(string) error
}

func newHouse(t *testing.T, opts instance.Options) *house {
	t.Helper()
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	return &house{
		t: t, host: instance.NewHost(opts), viewers: make(chan int),
		events: make(chan string, 100), wakes: make(map[string]func(string) error),
	}
}

// publishers is a source that takes publishers through the door; each stays for a
// second, and with none for five seconds the source ends.
func (h *house) publishers() pipeline.Factory {
	f := pipeline.Define[stagetest.NoConfig](
		pipeline.Spec{Type: "test/door", Role: pipeline.Source, Out: []pipeline.Port{{Name: "out"}}},
		func() stagetest.NoConfig { return stagetest.NoConfig{} },
		func(_ stagetest.NoConfig, env pipeline.Env) (pipeline.Stage, error) {
			return stagetest.Func(func(ctx context.Context, _ *pipeline.Ports) error {
				seat, err := h.door.Sit(env.Pipeline)
				if err != nil {
					return err
				}
				defer seat.Leave()
				for {
					select {
					case who := <-seat.Peers():
						h.events <- fmt.Sprintf("%s took %s", env.Pipeline, who)
						time.Sleep(time.Second)
					case <-time.After(5 * time.Second):
						return nil
					case <-ctx.Done():
						return nil
					}
				}
			}), nil
		})
	return announced{f, h.door.Announce}
}

// announced adds an Announce to a factory.
type announced struct {
	pipeline.Factory
	announce func(pipeline.Announcement) (func(), error)
}

func (a announced) Announce(n pipeline.Announcement) (func(), error) { return a.announce(n) }

// screen is a sink that reports how many viewers it was told to have.
func (h *house) screen() pipeline.Factory {
	f := stagetest.Stage(pipeline.Spec{Type: "test/screen", Role: pipeline.Sink},
		func(ctx context.Context, p *pipeline.Ports) error {
			ended := make(chan error)
			go func() {
				for {
					if _, err := p.In("in").Recv(ctx); err != nil {
						ended <- err
						return
					}
				}
			}()
			for {
				select {
				case n := <-h.viewers:
					p.SetViewers(n)
				case err := <-ended:
					if err == io.EOF { //nolint:errorlint // promised bare
						err = nil
					}
					return err
				}
			}
		})
	return announced{f, func(a pipeline.Announcement) (func(), error) {
		h.wakes[a.Pattern.String()] = a.Wake
		return func() { delete(h.wakes, a.Pattern.String()) }, nil
	}}
}

// plan makes a plan of "source → screen".
func (h *house) plan(pattern, use string, when pipeline.When) *pipeline.Plan {
	h.t.Helper()
	endless := stagetest.Stage(pipeline.Spec{Type: "test/endless", Role: pipeline.Source},
		func(ctx context.Context, _ *pipeline.Ports) error { <-ctx.Done(); return nil })
	reg, err := pipeline.NewRegistry(h.publishers(), h.screen(), endless)
	if err != nil {
		h.t.Fatal(err)
	}
	p, err := pipeline.ParsePattern(pattern)
	if err != nil {
		h.t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: p, When: when, Linger: 10 * time.Second, Stages: []pipeline.StageDef{
		{Name: "cam", Use: use, Config: &stagetest.NoConfig{}},
		{Name: "out", Use: "test/screen", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "cam"}}},
	}}, reg)
	if plan == nil {
		h.t.Fatal(problems)
	}
	return plan
}

func (h *house) apply(plans ...*pipeline.Plan) {
	h.t.Helper()
	if err := h.host.Apply(plans); err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
}

// running lists paths and states.
func (h *house) running() string {
	var all []string
	for _, s := range h.host.Snapshots() {
		all = append(all, s.Path+" "+s.State.String())
	}
	return strings.Join(all, ", ")
}

func (h *house) expect(want string) {
	h.t.Helper()
	synctest.Wait()
	if got := h.running(); got != want {
		h.t.Errorf("running: %q, want %q", got, want)
	}
}

func (h *house) drain() {
	h.t.Helper()
	if err := h.host.Drain(h.t.Context()); err != nil {
		h.t.Error(err)
	}
}

func anyone(*pipeline.Announcement) error { return nil }

func TestAPublisherStartsAnInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, instance.Options{})
		h.apply(h.plan("live/{name}", "test/door", pipeline.Published), h.plan("live/news", "test/door", pipeline.Published))
		h.expect("")
		enter := func(path, who string, admit func(*pipeline.Announcement) error) error {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			return h.door.Enter(ctx, path, admit, who)
		}
		if err := enter("other/a", "bob", anyone); !errors.Is(err, instance.ErrNoPipeline) {
			t.Errorf("at an undeclared path: %v", err)
		}
		wrong := errors.New("wrong key")
		if err := enter("live/a", "bob", func(*pipeline.Announcement) error { return wrong }); !errors.Is(err, wrong) {
			t.Errorf("with a wrong key: %v", err)
		}
		h.expect("")
		if err := enter("live/news", "ann", func(a *pipeline.Announcement) error {
			if a.Pattern.String() != "live/news" {
				t.Errorf("admitted by %s", a.Pattern)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		synctest.Wait() // instances do not wait for each other
		for _, who := range []string{"bob", "eve"} {
			if err := enter("live/a", who, anyone); err != nil {
				t.Error(err)
			}
		}
		h.expect("live/a running, live/news running")
		for _, want := range []string{"live/news took ann", "live/a took bob", "live/a took eve"} {
			if got := <-h.events; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		time.Sleep(7 * time.Second) // nobody comes: the sources end
		h.expect("")
		if err := enter("live/a", "bob", anyone); err != nil {
			t.Errorf("after an end: %v", err)
		}
		h.drain()
		h.expect("")
		if err := enter("live/a", "bob", anyone); !errors.Is(err, instance.ErrDraining) {
			t.Errorf("while draining: %v", err)
		}
	})
}

func TestADemandedInstanceLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, instance.Options{})
		h.apply(h.plan("cam/{name}", "test/endless", pipeline.Demanded))
		wake := h.wakes["cam/{name}"]
		if err := wake("cam/a"); err != nil {
			t.Fatal(err)
		}
		h.viewers <- 2
		time.Sleep(time.Minute)
		h.expect("cam/a running")
		h.viewers <- 0
		h.expect("cam/a lingering")
		time.Sleep(9 * time.Second)
		h.viewers <- 1
		h.expect("cam/a running")
		time.Sleep(time.Minute)
		h.viewers <- 0
		time.Sleep(9 * time.Second)
		h.expect("cam/a lingering")
		time.Sleep(2 * time.Second)
		h.expect("")
		if err := wake("cam/a"); err != nil { // a viewer who does not stay
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		h.expect("")
	})
}

func TestAlwaysAndReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, instance.Options{})
		a, b := h.plan("a", "test/endless", pipeline.Always), h.plan("b", "test/endless", pipeline.Always)
		h.apply(a)
		h.expect("a running")
		epoch := h.host.Snapshots()[0].Epoch
		time.Sleep(time.Second)
		h.apply(h.plan("a", "test/endless", pipeline.Always), b)
		h.expect("a running, b running")
		if !h.host.Snapshots()[0].Epoch.Equal(epoch) {
			t.Error("an unchanged instance was started anew")
		}
		h.apply(b)
		h.expect("b running")
		if !h.host.Declared("b") || h.host.Declared("a") {
			t.Error("Declared does not follow")
		}
		for range 200 {
			h.apply(a, b)
			h.apply(b)
		}
		h.expect("b running")
		h.drain()
	})
}

// Streams tell when they begin and end, whatever their stages do.
func TestStreamsTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []string
		h := newHouse(t, instance.Options{Herald: func(m pipeline.Milestone) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, m.Type+" "+m.Stream)
		}})
		h.apply(h.plan("a", "test/endless", pipeline.Always))
		h.apply()
		h.expect("")
		h.drain()
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(told, ", "); got != "stream.started a, stream.stopped a" {
			t.Error(got)
		}
	})
}

func TestTooManyInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, instance.Options{MaxInstances: 2})
		h.apply(h.plan("cam/{name}", "test/endless", pipeline.Demanded))
		wake := h.wakes["cam/{name}"]
		for path, want := range map[string]error{"cam/a": nil, "cam/b": nil} {
			if err := wake(path); !errors.Is(err, want) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if err := wake("cam/c"); !errors.Is(err, instance.ErrTooMany) {
			t.Errorf("the third: %v", err)
		}
		if err := wake("cam/a"); err != nil {
			t.Errorf("one that runs: %v", err)
		}
		if err := wake("dog/a"); !errors.Is(err, instance.ErrNoPipeline) {
			t.Errorf("another's path: %v", err)
		}
		h.drain()
	})
}
