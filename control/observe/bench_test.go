package observe_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"weir/control/observe"
	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/stagetest"
)

// crowd is a host of streams with one source and ten sinks each, which all describe
// themselves.
func crowd(b *testing.B, streams, sinks int) *instance.Host {
	b.Helper()
	source := stagetest.Stage(pipeline.Spec{Type: "test/cam", Role: pipeline.Source}, func(ctx context.Context, p *pipeline.Ports) error {
		set := stagetest.Both()
		p.Out("out").SetTracks(set)
		<-ctx.Done()
		return nil
	})
	sink := pipeline.Define(pipeline.Spec{
		Type: "test/sink", Role: pipeline.Sink, Doc: "x", In: []pipeline.Port{{Name: "in", Doc: "x"}},
	}, func() stagetest.NoConfig { return stagetest.NoConfig{} }, func(stagetest.NoConfig, pipeline.Env) (pipeline.Stage, error) { return talker{}, nil })
	reg, err := pipeline.NewRegistry(source, sink)
	if err != nil {
		b.Fatal(err)
	}
	var plans []*pipeline.Plan
	for n := range streams {
		pattern, err := pipeline.ParsePattern(fmt.Sprintf("live/s%d", n))
		if err != nil {
			b.Fatal(err)
		}
		def := &pipeline.Definition{Pattern: pattern, When: pipeline.Always, Stages: []pipeline.StageDef{{Name: "cam", Use: "test/cam", Config: &stagetest.NoConfig{}}}}
		for k := range sinks {
			def.Stages = append(def.Stages, pipeline.StageDef{
				Name: fmt.Sprintf("out%d", k), Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "cam"}},
			})
		}
		plan, problems := pipeline.NewPlan(def, reg)
		if plan == nil {
			b.Fatal(problems)
		}
		plans = append(plans, plan)
	}
	host := instance.NewHost(instance.Options{Log: slog.New(slog.DiscardHandler)})
	if err := host.Apply(plans); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = host.Drain(context.Background()) })
	return host
}

// talker says as much as an output does.
type talker struct{}

type said struct {
	State, Host string
	Bytes       uint64
	Targets     []string
}

func (talker) Run(ctx context.Context, p *pipeline.Ports) error {
	for {
		if _, err := p.In("in").Recv(ctx); err != nil {
			if err == io.EOF { //nolint:errorlint // promised bare
				return nil
			}
			return err
		}
	}
}

func (talker) Describe() any { return said{"live", "example.net", 7, []string{"primary"}} }

func (talker) Report() pipeline.Report {
	return pipeline.Report{State: "live", Findings: []pipeline.Finding{{Rule: "gop", Severity: pipeline.Doubtful, Message: "m", Fix: "f"}}}
}

func (talker) Measure() []pipeline.Figure {
	return []pipeline.Figure{{Name: "output_up", Value: 1, Labels: []string{"target", "primary"}}}
}

// BenchmarkSample is what an Observer does once in a second, for 200 streams of ten edges:
// ns/op by 1e7 is per cent of a core.
func BenchmarkSample(b *testing.B) {
	host := crowd(b, 200, 10)
	o := observe.New(host.Snapshots, observe.Ways{}, observe.NewLog())
	<-time.After(time.Second) // until all run
	b.ReportAllocs()
	for b.Loop() {
		o.Take()
	}
	if g := o.Now().Graph("live/s7"); len(g.Edges) != 10 || g.Nodes[10].State != "running" {
		b.Fatalf("%+v", g)
	}
}

// BenchmarkDashboard is the same with somebody who looks at all streams and at the graph
// of one.
func BenchmarkDashboard(b *testing.B) {
	host := crowd(b, 200, 10)
	o := observe.New(host.Snapshots, observe.Ways{}, observe.NewLog())
	<-time.After(time.Second) // until all run
	send := o.Listener("stats,streams,graph:live/s7")
	b.ReportMetric(float64(send()), "first-bytes")
	b.ReportAllocs()
	for b.Loop() {
		send()
	}
}
