package pipeline

import (
	"context"
	"runtime/debug"
	"time"
)

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
	ports := &Ports{viewers: &n.viewers, changed: n.graph.opts.Viewers, again: n.continues, idle: n.setIdle}
	for _, e := range edges {
		port, _ := plan.Factory.Spec().Input(e.plan.Port)
		ports.in = append(ports.in, e.attach(!port.OnDemand && (!plan.Inserted || n.wanted())))
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

// continues says whether another run follows the present one.
func (n *node) continues() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.again && !n.leaving
}

func (n *node) detach(edges []*edge) {
	n.mu.Lock()
	n.halt, n.stage = nil, nil
	n.mu.Unlock()
	n.viewers.Store(0)
	n.idle.Store(false)
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
