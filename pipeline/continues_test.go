package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/stagetest"
)

// A consumer whose inputs end knows whether it is replaced or whether the stream is
// over.
func TestContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends []bool
		sink := pipeline.Define[stagetest.NoConfig](
			pipeline.Spec{Type: "test/sink", Role: pipeline.Sink, In: []pipeline.Port{{Name: "in"}}},
			func() stagetest.NoConfig { return stagetest.NoConfig{} },
			func(stagetest.NoConfig, pipeline.Env) (pipeline.Stage, error) {
				return stagetest.Func(func(ctx context.Context, p *pipeline.Ports) error {
					for {
						if _, err := p.In("in").Recv(ctx); err != nil {
							ends = append(ends, p.Continues())
							return nil
						}
					}
				}), nil
			})
		w := newWorld(t, ticker(), sink)
		w.run("one test/ticker", "two test/ticker", "a test/sink one")
		time.Sleep(time.Second)
		w.graph.Apply(w.plan("one test/ticker", "two test/ticker", "a test/sink two"))
		time.Sleep(time.Second)
		w.graph.Apply(w.plan("one test/ticker", "two test/ticker", "a test/sink one"))
		time.Sleep(time.Second)
		w.stop()
		if want := []bool{true, true, false}; !slices.Equal(ends, want) {
			t.Errorf("%v, want %v", ends, want)
		}
	})
}
