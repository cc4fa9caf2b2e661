package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
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
	wants   atomic.Int64 // consumers that have a use for the output

	mu       sync.Mutex // guards what follows
	plan     *Node
	edges    []*edge
	outs     []*Output
	stage    Stage
	halt     func() // asks the present run to end; nil between runs
	rewired  bool   // the edges are others than the present run's
	again    bool   // the present run ends only to make room for the next
	leaving  bool   // the present run is the last
	state    State
	since    time.Time
	failure  *Error
	restarts [Overrun + 1]uint64
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

func (n *node) poke() {
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// wantedBy counts consumers in and out.
func (n *node) wantedBy(wanted bool) {
	if wanted {
		n.wants.Add(1)
		n.poke()
		return
	}
	if n.wants.Add(-1) == 0 {
		time.AfterFunc(idlePatience, n.pauseIfIdle)
	}
}

func (n *node) pauseIfIdle() {
	n.mu.Lock()
	running := n.plan.Inserted && n.halt != nil && n.wants.Load() == 0
	n.again = n.again || running
	n.mu.Unlock()
	if running {
		n.end()
	}
}

func (n *node) awaitOpen(consumers []<-chan struct{}) {
	deadline := time.NewTimer(openPatience)
	defer deadline.Stop()
	for _, opened := range consumers {
		select {
		case <-opened:
		case <-deadline.C:
			return
		}
	}
}

// supervise runs stages until the node's work is done: soft is cancelled when the
// graph shall drain, hard when it has had the time to.
func (n *node) supervise(soft, hard context.Context) {
	defer n.finish()
	var b backoff
	for n.awaitWanted(soft) {
		began := time.Now()
		err := n.runOnce(soft, hard)
		switch next := n.after(err, soft, hard); next {
		case goOn:
			b = backoff{}
			continue
		case over:
			return
		case failed:
			if !n.recover(soft, &b, time.Since(began)) {
				return
			}
		}
	}
}

// outcome is what the end of a run means for the node.
type outcome uint8

const (
	goOn   outcome = iota // the next run follows at once
	over                  // the node's work is done
	failed                // the restart policy decides
)

// after judges the end of a run.
func (n *node) after(err error, soft, hard context.Context) outcome {
	n.mu.Lock()
	defer n.mu.Unlock()
	again := n.again
	n.again = false
	if err != nil && hard.Err() == nil && !errors.Is(err, context.Canceled) {
		n.fail(err)
	}
	switch {
	case n.leaving || hard.Err() != nil || soft.Err() != nil:
		return over
	case again:
		return goOn
	case err == nil:
		return over
	default:
		return failed
	}
}

// fail records and logs a failure. The caller holds n.mu.
func (n *node) fail(err error) {
	e := &Error{Kind: KindOf(err), Err: err}
	if own := (*Error)(nil); errors.As(err, &own) {
		e.Op, e.Err = own.Op, own.Err
	}
	e.Pipeline, e.Stage = n.graph.opts.Path, n.name
	n.failure = e
	n.log().Warn("stage failed", "kind", e.Kind, "op", e.Op, "err", e.Err)
}

// recover waits as the restart policy says; false means that the graph is ending.
func (n *node) recover(soft context.Context, b *backoff, ran time.Duration) bool {
	n.mu.Lock()
	kind, policy := n.failure.Kind, n.plan.Restart
	n.restarts[kind]++
	n.mu.Unlock()
	wait, ok := b.next(kind, policy, ran)
	var due <-chan time.Time
	if ok {
		n.set(Waiting)
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	} else {
		n.set(Failed)
	}
	for {
		select {
		case <-due:
			return true
		case <-soft.Done():
			return false
		case <-n.graph.done:
			return false
		case <-n.changed:
			n.mu.Lock()
			again, leaving := n.again, n.leaving
			n.again = false
			n.mu.Unlock()
			if again || leaving {
				return !leaving
			}
		}
	}
}

// awaitWanted waits until an inserted conversion has a consumer. It returns false
// when the node shall end instead.
func (n *node) awaitWanted(soft context.Context) bool {
	for {
		n.mu.Lock()
		inserted, leaving := n.plan.Inserted, n.leaving
		n.mu.Unlock()
		if leaving {
			return false
		}
		if !inserted || n.wants.Load() > 0 {
			return true
		}
		n.set(Paused)
		n.markOpened()
		select {
		case <-n.changed:
		case <-soft.Done():
			return false
		case <-n.graph.done:
			return false
		}
	}
}

// runOnce makes a stage, opens it and runs it to its end.
func (n *node) runOnce(soft, hard context.Context) (err error) {
	defer n.markOpened()
	n.set(Starting)
	parent := hard
	if n.source {
		parent = soft
	}
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	plan, ports, edges := n.attach(cancel)
	defer n.detach(edges)
	defer func() {
		if r := recover(); r != nil {
			err = Failf(Internal, "run", "panic: %v\n%s", r, debug.Stack())
		}
	}()
	stage, err := plan.Factory.New(plan.Config, n.env())
	if err != nil {
		return err
	}
	if o, ok := stage.(Opener); ok {
		if err := o.Open(ctx); err != nil {
			return err
		}
	}
	n.mu.Lock()
	n.stage = stage
	n.mu.Unlock()
	n.set(Running)
	n.markOpened()
	return stage.Run(ctx, ports)
}

// attach connects the ports of the next run and says how to end it.
func (n *node) attach(cancel func()) (*Node, *Ports, []*edge) {
	n.mu.Lock()
	plan, edges := n.plan, n.edges
	n.again = false
	n.mu.Unlock()
	ports := &Ports{viewers: &n.viewers, changed: n.graph.opts.Viewers}
	for _, e := range edges {
		ports.in = append(ports.in, e.attach())
	}
	for _, port := range plan.Factory.Spec().Out {
		o := n.output(port.Name)
		o.begin()
		ports.out = append(ports.out, o)
	}
	halt := cancel
	if !n.source {
		halt = func() {
			for _, e := range edges {
				e.end()
			}
			time.AfterFunc(n.graph.opts.Drain, cancel)
		}
	}
	n.mu.Lock()
	n.halt = halt
	stale := n.again || n.leaving
	n.mu.Unlock()
	if stale { // it changed before there was a run to end
		halt()
	}
	return plan, ports, edges
}

func (n *node) detach(edges []*edge) {
	n.mu.Lock()
	n.halt, n.stage = nil, nil
	n.mu.Unlock()
	n.viewers.Store(0)
	for _, e := range edges {
		e.detach()
	}
}

// finish closes the outputs: consumers read what is left and then io.EOF.
func (n *node) finish() {
	n.markOpened()
	n.mu.Lock()
	state, outs := Ended, n.outs
	if n.state == Failed {
		state = Failed
	}
	n.mu.Unlock()
	n.set(state)
	for _, o := range outs {
		o.close()
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
	return Env{Pipeline: o.Path, Stage: n.name, Epoch: n.graph.epoch, When: n.graph.when, Vars: o.Vars, Log: n.log()}
}

func (n *node) log() *slog.Logger {
	return n.graph.opts.Log.With("pipeline", n.graph.opts.Path, "stage", n.name)
}
