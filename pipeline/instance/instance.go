package instance

import (
	"context"
	"sync/atomic"
	"time"

	"weir/pipeline"
)

// State is where an instance is in its life.
type State uint8

// The states of an instance. One that is not there is idle.
const (
	Running   State = iota
	Lingering       // demanded, without a viewer at present
	Draining        // its sources have been told to end
)

// String is the state's name in the API.
func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Lingering:
		return "lingering"
	case Draining:
		return "draining"
	default:
		return "unknown"
	}
}

// DefaultLinger is how long a demanded instance outlives its last viewer.
const DefaultLinger = 30 * time.Second

// instance is one graph at one path.
type instance struct {
	def    *definition    // guarded by the Host's mu, as is plan
	plan   *pipeline.Plan // the one that the graph has, or is about to get
	path   string
	graph  *pipeline.Graph
	linger time.Duration
	demand bool // it lives as long as it has viewers

	ctx       context.Context //nolint:containedctx // the instance's life
	cancel    context.CancelFunc
	poked     chan struct{} // the number of viewers may have changed
	done      chan struct{} // closed when it is gone
	lingering atomic.Bool
	herald    pipeline.Herald
}

// newInstance is called with h.mu held.
func newInstance(h *Host, d *definition, path string, vars map[string]string) *instance {
	i := &instance{
		def: d, plan: d.plan, path: path, demand: d.plan.Def.When == pipeline.Demanded, linger: d.plan.Def.Linger,
		poked: make(chan struct{}, 1), done: make(chan struct{}), herald: h.opts.Herald,
	}
	if i.linger <= 0 {
		i.linger = DefaultLinger
	}
	i.ctx, i.cancel = context.WithCancel(h.ctx)
	i.graph = pipeline.NewGraph(d.plan, pipeline.Options{
		Path: path, Vars: vars, Log: h.opts.Log, Drain: h.opts.Drain, Viewers: i.poke, Herald: h.opts.Herald,
	})
	return i
}

func (i *instance) run() {
	began := time.Now()
	i.herald.Tell("stream.started", i.path, "", map[string]any{"pipeline": i.def.pattern.String()})
	defer func() {
		i.herald.Tell("stream.stopped", i.path, "", map[string]any{
			"pipeline": i.def.pattern.String(), "duration_seconds": time.Since(began).Seconds(),
		})
	}()
	ended := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		i.watch(ended)
	}()
	i.graph.Run(i.ctx)
	i.cancel()
	close(ended)
	<-watched
}

// watch ends a demanded instance that has had no viewer for long enough.
func (i *instance) watch(ended <-chan struct{}) {
	if !i.demand {
		return
	}
	idle := time.NewTimer(i.linger)
	defer idle.Stop()
	for {
		select {
		case <-i.poked:
			lonely := i.graph.Viewers() == 0
			if i.lingering.Swap(lonely) != lonely {
				idle.Reset(i.linger)
			}
			if !lonely {
				idle.Stop()
			}
		case <-idle.C:
			i.cancel()
			return
		case <-ended:
			return
		}
	}
}

func (i *instance) poke() {
	select {
	case i.poked <- struct{}{}:
	default:
	}
}

// alive says whether the instance may be joined.
func (i *instance) alive() bool {
	select {
	case <-i.graph.Ending():
		return false
	default:
		return i.ctx.Err() == nil
	}
}

func (i *instance) state() State {
	switch {
	case !i.alive():
		return Draining
	case i.lingering.Load():
		return Lingering
	default:
		return Running
	}
}
