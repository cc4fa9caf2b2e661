package pipeline

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// openPatience is how long a producer waits for its consumers to open, so that one
// that hangs cannot keep the others from starting.
const openPatience = 2 * time.Second

// idlePatience is how long an inserted conversion outlives its last consumer.
const idlePatience = 5 * time.Second

// node is a stage's place in a running graph. It makes the stage, runs it, and
// makes the next one when that fails or must change.
type node struct {
	graph   *Graph
	name    string
	source  bool
	opened  chan struct{} // closed once the first attempt to open is over
	changed chan struct{} // poked when the supervisor should look again
	viewers atomic.Int64
	idle    atomic.Bool // a source that does not keep the graph alive

	demand sync.Mutex // guards what follows; taken before that of a node upstream
	wants  int        // consumers that have a use for the output

	mu    sync.Mutex // guards what follows
	plan  *Node
	edges []*edge
	outs  []*Output
	stage Stage
	halt  func() // asks the present run to end; nil between runs
	orders
	state    State
	since    time.Time
	failure  *Error
	restarts [Overrun + 1]uint64
}

// orders are what the supervisor is told.
type orders struct {
	rewired bool // the edges are others than the present run's
	again   bool // the present run ends only to make room for the next
	leaving bool // the present run is the last
}

func newNode(g *Graph, plan *Node) *node {
	n := &node{
		graph: g, name: plan.Name, plan: plan, since: time.Now(),
		source:  plan.Factory.Spec().Role == Source,
		opened:  make(chan struct{}),
		changed: make(chan struct{}, 1),
	}
	for _, port := range plan.Factory.Spec().Out {
		n.outs = append(n.outs, newOutput(port.Name))
	}
	return n
}

// output is the node's output of that name. One that no type of stage at this place
// ever had is made, and stays silent.
func (n *node) output(port string) *Output {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.IndexFunc(n.outs, func(o *Output) bool { return o.port == port }); i >= 0 {
		return n.outs[i]
	}
	o := newOutput(port)
	n.outs = append(n.outs, o)
	return o
}

// connect takes the edges of a plan, keeping those that did not change.
func (n *node) connect(edges []*edge) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, e := range edges {
		same := func(o *edge) bool { return o.plan == e.plan && o.from == e.from }
		if j := slices.IndexFunc(n.edges, same); j >= 0 {
			edges[i] = n.edges[j]
		}
	}
	n.rewired = n.edges != nil && !slices.Equal(n.edges, edges)
	n.edges = edges
}

// adopt takes a plan that may differ from the present one, and restarts the stage
// if it cannot follow.
func (n *node) adopt(plan *Node) {
	n.mu.Lock()
	old, stage, rewired := n.plan, n.stage, n.rewired
	n.plan, n.rewired = plan, false
	n.mu.Unlock()
	if !rewired && !rebuilt(old, plan) {
		if sameConfig(old, plan) {
			return
		}
		if r, ok := stage.(Reconfigurer); ok {
			done, err := r.Reconfigure(plan.Config)
			if done && err == nil {
				return
			}
		}
	}
	n.mu.Lock()
	n.again = true
	n.mu.Unlock()
	n.end()
}

// leave ends the node for good.
func (n *node) leave() {
	n.mu.Lock()
	n.leaving = true
	n.mu.Unlock()
	n.end()
}

// end asks the present run, if any, to end.
func (n *node) end() {
	n.mu.Lock()
	halt := n.halt
	n.mu.Unlock()
	if halt != nil {
		halt()
	}
	n.poke()
}

// setIdle notes whether a source keeps the graph alive, and ends the graph if none
// does.
func (n *node) setIdle(idle bool) {
	if n.idle.Swap(idle) != idle && idle {
		n.graph.quitIfIdle()
	}
}

// dormant says that a source is idle, or has failed for good.
func (n *node) dormant() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.idle.Load() || n.state == Failed || n.state == Ended
}

func (n *node) poke() {
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// wantedBy counts consumers in and out. An inserted conversion wants its input as long
// as somebody wants its output, and passes that on at once, so that a chain of them
// starts together, and ends together.
func (n *node) wantedBy(wanted bool) {
	n.mu.Lock()
	inserted, edges := n.plan.Inserted, n.edges
	n.mu.Unlock()
	n.demand.Lock()
	defer n.demand.Unlock()
	before := n.wants > 0
	if n.wants--; wanted {
		n.wants += 2
	}
	now := n.wants > 0
	if inserted && now != before {
		for _, e := range edges {
			e.want(now)
		}
	}
	switch {
	case now:
		n.poke()
	case before && inserted:
		time.AfterFunc(idlePatience, n.pauseIfIdle)
	}
}

// wanted says whether anybody has a use for the output.
func (n *node) wanted() bool {
	n.demand.Lock()
	defer n.demand.Unlock()
	return n.wants > 0
}

func (n *node) pauseIfIdle() {
	wanted := n.wanted()
	n.mu.Lock()
	running := n.plan.Inserted && n.halt != nil && !wanted
	n.again = n.again || running
	n.mu.Unlock()
	if running {
		n.end()
	}
}

func (n *node) markOpened() {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.opened:
	default:
		close(n.opened)
	}
}

func (n *node) set(s State) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state != s {
		n.state, n.since = s, time.Now()
		n.log().Debug("stage is "+s.String(), "state", s)
	}
}

func (n *node) env() Env {
	o := n.graph.opts
	return Env{Pipeline: o.Path, Stage: n.name, Epoch: n.graph.epoch, When: n.graph.when, Vars: o.Vars, Log: n.log(), Herald: o.Herald}
}

func (n *node) log() *slog.Logger {
	return n.graph.opts.Log.With("pipeline", n.graph.opts.Path, "stage", n.name)
}
