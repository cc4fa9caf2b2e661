package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/stagetest"
)

// A graph ends when none of its sources keeps it alive any more: those that are idle
// and those that failed for good do not.
func TestAGraphEndsWhenAllSourcesAreIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		say := map[string]chan bool{"one": make(chan bool), "two": make(chan bool)}
		source := pipeline.Define[stagetest.NoConfig](
			pipeline.Spec{Type: "test/idler", Role: pipeline.Source, Out: []pipeline.Port{{Name: "out"}}},
			func() stagetest.NoConfig { return stagetest.NoConfig{} },
			func(_ stagetest.NoConfig, env pipeline.Env) (pipeline.Stage, error) {
				return stagetest.Func(func(ctx context.Context, p *pipeline.Ports) error {
					for {
						select {
						case idle := <-say[env.Stage]:
							p.SetIdle(idle)
						case <-ctx.Done():
							return nil
						}
					}
				}), nil
			})
		broken := stagetest.Stage(pipeline.Spec{Type: "test/broken", Role: pipeline.Source},
			func(context.Context, *pipeline.Ports) error { return pipeline.Failf(pipeline.Config, "open", "no") })
		sink := &stagetest.Collector{}
		w := newWorld(t, source, broken, sink.Factory())
		w.run("one test/idler", "two test/idler", "three test/broken", "a test/sink one", "b test/sink two", "c test/sink three")
		running := func(want bool) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			select {
			case <-w.ended:
				if want {
					t.Error("the graph has ended")
				}
			default:
				if !want {
					t.Error("the graph goes on")
				}
			}
		}
		running(true)
		say["one"] <- true
		running(true)
		say["one"] <- false
		synctest.Wait()
		say["two"] <- true
		running(true)
		say["one"] <- true
		running(false)
		if sink.Ends() != 3 {
			t.Errorf("%d of 3 sinks saw the end", sink.Ends())
		}
		w.cancel()
	})
}

// An idle source does not keep a graph alive beside one that has ended.
func TestAnIdleSourceEndsBesideOneThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idler := stagetest.Stage(pipeline.Spec{Type: "test/idler", Role: pipeline.Source},
			func(ctx context.Context, p *pipeline.Ports) error {
				p.SetIdle(true)
				<-ctx.Done()
				return nil
			})
		brief := stagetest.Stage(pipeline.Spec{Type: "test/brief", Role: pipeline.Source},
			func(context.Context, *pipeline.Ports) error { time.Sleep(time.Second); return nil })
		sink := &stagetest.Collector{}
		w := newWorld(t, idler, brief, sink.Factory())
		began := time.Now()
		w.run("one test/idler", "two test/brief", "a test/sink one", "b test/sink two")
		<-w.ended
		if took := time.Since(began); took != time.Second || sink.Ends() != 2 {
			t.Errorf("%d sinks saw the end after %v", sink.Ends(), took)
		}
		w.cancel()
	})
}
