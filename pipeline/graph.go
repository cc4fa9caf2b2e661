package pipeline

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// DefaultDrain is how long stages may take to flush after their inputs end.
const DefaultDrain = 10 * time.Second

// Options say where and for whom a Graph runs.
type Options struct {
	// Path is the instance's name, Vars the values of its pattern's variables.
	Path string
	Vars map[string]string
	Log  *slog.Logger
	// Drain is how long stages may take to flush; 0 means DefaultDrain.
	Drain time.Duration
	// Viewers is called, from any goroutine, when the number of viewers that the
	// graph's sinks serve may have changed. May be nil.
	Viewers func()
	// Herald is told what stages tell. May be nil.
	Herald Herald
}

// Graph is a plan that runs as one instance.
type Graph struct {
	opts  Options
	epoch time.Time
	when  When
	done  chan struct{} // closed when every source has ended

	mu      sync.Mutex // guards what follows; taken before any node's
	plan    *Plan
	nodes   map[string]*node
	soft    context.Context //nolint:containedctx // the lifetime of Run, for nodes that Apply adds
	hard    context.Context //nolint:containedctx // likewise
	quit    func()          // cancels soft
	sources int             // sources that have not ended
	running sync.WaitGroup
}

// NewGraph prepares an instance of plan. Nothing runs before Run.
func NewGraph(plan *Plan, opts Options) *Graph {
	if opts.Drain <= 0 {
		opts.Drain = DefaultDrain
	}
	if opts.Viewers == nil {
		opts.Viewers = func() {}
	}
	return &Graph{opts: opts, plan: plan, epoch: time.Now(), when: plan.Def.When, done: make(chan struct{}), nodes: make(map[string]*node)}
}

// Run runs all stages and returns when all have ended: because the sources had
// nothing more to send, or because ctx was cancelled. On cancellation only the
// sources are told; the others see their inputs end, flush and return. Whoever has
// not done so after Options.Drain is cancelled too. Run is called once.
func (g *Graph) Run(ctx context.Context) {
	hard, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	soft, quit := context.WithCancel(ctx)
	defer quit()
	g.mu.Lock()
	g.soft, g.hard, g.quit = soft, hard, quit
	for _, n := range g.plan.Nodes {
		g.add(n)
	}
	g.wire()
	g.start(g.plan.Nodes)
	g.mu.Unlock()

	select {
	case <-soft.Done():
	case <-g.done:
	}
	late := time.AfterFunc(g.opts.Drain, kill)
	defer late.Stop()
	g.running.Wait()
}

// Apply changes the running graph into another plan of the same definition. Only
// what the change touches is disturbed: a stage whose configuration changed is
// reconfigured if it can be, else restarted; one that reads from elsewhere is
// restarted; all others do not notice. It returns once the changes are under way.
func (g *Graph) Apply(plan *Plan) Change {
	g.mu.Lock()
	defer g.mu.Unlock()
	change := Diff(g.plan, plan)
	if g.soft == nil || g.soft.Err() != nil || g.sources == 0 { // not begun, or about to end
		g.plan = plan
		return change
	}
	g.plan = plan
	for _, name := range change.Removed {
		g.nodes[name].leave()
		delete(g.nodes, name)
	}
	var added []*Node
	for _, n := range plan.Nodes {
		if g.nodes[n.Name] == nil {
			g.add(n)
			added = append(added, n)
		}
	}
	g.wire()
	for _, n := range plan.Nodes {
		if !slices.Contains(added, n) {
			g.nodes[n.Name].adopt(n)
		}
	}
	g.start(added)
	return change
}

// add makes a node. The caller holds g.mu.
func (g *Graph) add(plan *Node) {
	g.nodes[plan.Name] = newNode(g, plan)
	if plan.Factory.Spec().Role == Source {
		g.sources++
	}
}

// wire connects the edges of every node to the outputs that they read from. The
// caller holds g.mu.
func (g *Graph) wire() {
	for _, plan := range g.plan.Nodes {
		edges := make([]*edge, len(plan.Edges))
		for i, e := range plan.Edges {
			edges[i] = newEdge(e, plan.Name, g.nodes[e.From])
		}
		g.nodes[plan.Name].connect(edges)
	}
}

// start sets nodes going, consumers before producers: a node opens only after all
// that read from it have tried to. The caller holds g.mu.
func (g *Graph) start(plans []*Node) {
	for _, plan := range plans {
		n := g.nodes[plan.Name]
		var after []<-chan struct{}
		for _, consumer := range g.plan.Nodes {
			if slices.ContainsFunc(consumer.Edges, func(e Edge) bool { return e.From == plan.Name }) {
				after = append(after, g.nodes[consumer.Name].opened)
			}
		}
		g.running.Go(func() {
			n.awaitOpen(after)
			n.supervise(g.soft, g.hard)
			g.left(n)
		})
	}
}

// left counts the sources out; after the last one, done is closed.
func (g *Graph) left(n *node) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !n.source {
		return
	}
	if g.sources--; g.sources == 0 {
		close(g.done)
		return
	}
	g.quitIfDormant()
}

// quitIfIdle tells the sources to end if none of them keeps the graph alive.
func (g *Graph) quitIfIdle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.quitIfDormant()
}

// quitIfDormant is quitIfIdle for a caller that holds g.mu.
func (g *Graph) quitIfDormant() {
	for _, n := range g.nodes {
		if n.source && !n.dormant() {
			return
		}
	}
	g.quit()
}

// Ending is closed when the last source has ended, so that nothing new can come.
func (g *Graph) Ending() <-chan struct{} { return g.done }

// Viewers is the number of viewers that the graph's sinks serve.
func (g *Graph) Viewers() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	total := 0
	for _, n := range g.nodes {
		total += int(n.viewers.Load())
	}
	return total
}

func (p *Plan) node(name string) *Node {
	if i := slices.IndexFunc(p.Nodes, func(n *Node) bool { return n.Name == name }); i >= 0 {
		return p.Nodes[i]
	}
	return nil
}
