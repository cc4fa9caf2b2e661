package instance_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/stagetest"
)

// reception is a source with one publisher, who is named after its pipeline.
type reception struct {
	pipeline.Stage
	name string
	told chan string
}

func (r reception) Sessions() []pipeline.Session { return []pipeline.Session{{ID: r.name}} }

func (r reception) Dismiss(id, why string) bool {
	if id == r.name {
		r.told <- why
	}
	return id == r.name
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan string, 10)
		source := pipeline.Define[stagetest.NoConfig](pipeline.Spec{Type: "test/peers", Role: pipeline.Source, Out: []pipeline.Port{{Name: "out"}}},
			func() stagetest.NoConfig { return stagetest.NoConfig{} },
			func(_ stagetest.NoConfig, env pipeline.Env) (pipeline.Stage, error) {
				run := stagetest.Func(func(ctx context.Context, _ *pipeline.Ports) error { <-ctx.Done(); return nil })
				return reception{run, "peer of " + env.Pipeline, told}, nil
			})
		host := instance.NewHost(instance.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		reg, err := pipeline.NewRegistry(source)
		if err != nil {
			t.Fatal(err)
		}
		var plans []*pipeline.Plan
		for _, path := range []string{"b", "a"} {
			p, err := pipeline.ParsePattern(path)
			if err != nil {
				t.Fatal(err)
			}
			plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: p, When: pipeline.Always, Stages: []pipeline.StageDef{
				{Name: "cam", Use: "test/peers", Config: &stagetest.NoConfig{}},
			}}, reg)
			if plan == nil {
				t.Fatal(problems)
			}
			plans = append(plans, plan)
		}
		if err := host.Apply(plans); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		list := func(path string) string {
			all, ok := host.Sessions(path)
			words := []string{fmt.Sprint(ok)}
			for _, s := range all {
				words = append(words, fmt.Sprint(s.Path, " ", s.Stage, " ", s.Publisher, " ", s.ID))
			}
			return strings.Join(words, ", ")
		}
		for path, want := range map[string]string{
			"": "true, a cam true peer of a, b cam true peer of b", "b": "true, b cam true peer of b", "c": "false",
		} {
			if got := list(path); got != want {
				t.Errorf("%q: %s, want %s", path, got, want)
			}
		}
		if host.Dismiss("a", "peer of b", "no") || host.Dismiss("c", "peer of b", "no") || !host.Dismiss("b", "peer of b", "enough") || <-told != "enough" || len(told) > 0 {
			t.Error("the wrong one was dismissed")
		}
		if err := host.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if got := list(""); got != "true" {
			t.Error(got)
		}
	})
}
