package workertest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/transcode/worker"
)

// Adapted is what came of items that a conversion was inserted for.
type Adapted struct {
	// Inserted are the names of what the planner inserted, "~opus ~rtp".
	Inserted string
	Sets     []*media.TrackSet
	Units    []*media.Unit
	// Status is that of the first inserted stage when all items had gone in, Worker
	// included.
	Status worker.ConverterStatus
}

// Adapt plays items into a consumer that takes access units of some codecs and no
// B-frames, through what the planner inserts.
func Adapt(t *testing.T, f pipeline.Factory, takes []media.Codec, items []media.Item) Adapted {
	t.Helper()
	var (
		mu  sync.Mutex // guards got
		got Adapted
		g   *pipeline.Graph
	)
	access := pipeline.Streams{Form: media.FormAccess}
	source := stagetest.Stage(
		pipeline.Spec{Type: "test/source", Role: pipeline.Source, Live: true, Out: []pipeline.Port{{Name: "out", Streams: access}}},
		func(ctx context.Context, p *pipeline.Ports) error {
			for _, item := range items {
				if err := stagetest.Put(ctx, p.Out("out"), item); err != nil {
					return nil
				}
			}
			settle(func() bool {
				for _, s := range g.Snapshot().Stages {
					if st, ok := s.Detail.(worker.ConverterStatus); ok && s.Inserted {
						mu.Lock()
						got.Status = st
						mu.Unlock()
						return st.Worker != nil && st.Worker.State == "running"
					}
				}
				return false
			})
			return nil
		})
	sink := stagetest.Stage(
		pipeline.Spec{Type: "test/sink", Role: pipeline.Sink, In: []pipeline.Port{{Name: "in", Streams: pipeline.Streams{
			Form: media.FormAccess, Codecs: takes, Without: pipeline.BFrames,
		}}}},
		func(ctx context.Context, p *pipeline.Ports) error {
			for {
				item, err := p.In("in").Recv(ctx)
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				mu.Lock()
				switch it := item.(type) {
				case *media.TrackSet:
					got.Sets = append(got.Sets, it)
				case *media.Unit:
					got.Units = append(got.Units, it)
				}
				mu.Unlock()
			}
		})
	reg, err := pipeline.NewRegistry(source, f, sink)
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := pipeline.ParsePattern("live/test")
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, Stages: []pipeline.StageDef{
		{Name: "source", Use: "test/source", Config: &stagetest.NoConfig{}, Restart: pipeline.RestartNever},
		{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "source"}}},
	}}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	var names []string
	for _, n := range plan.Nodes {
		if n.Inserted {
			names = append(names, n.Name)
		}
	}
	got.Inserted = strings.Join(names, " ")
	g = pipeline.NewGraph(plan, pipeline.Options{
		Path: "live/test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Drain: 10 * time.Second,
	})
	g.Run(t.Context())
	return got
}

// settle waits a moment for something that may happen.
func settle(ok func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			return
		}
	}
}
