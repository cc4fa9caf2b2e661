package pipeline

// StageSession is a session of one of a graph's stages.
type StageSession struct {
	Stage string
	// Publisher says that it sends: the stage is a source.
	Publisher bool
	Session
}

// Sessions lists whom the stages of the graph serve, in the order of the stages.
func (g *Graph) Sessions() []StageSession {
	var all []StageSession
	g.receptions(func(n *Node, r Reception) bool {
		for _, s := range r.Sessions() {
			all = append(all, StageSession{Stage: n.Name, Publisher: n.Factory.Spec().Role == Source, Session: s})
		}
		return false
	})
	return all
}

// Dismiss closes a session of one of the stages. It says whether there was one of that
// ID.
func (g *Graph) Dismiss(id, why string) bool {
	return g.receptions(func(_ *Node, r Reception) bool { return r.Dismiss(id, why) })
}

// receptions calls f for the stages that serve peers until it returns true.
func (g *Graph) receptions(f func(*Node, Reception) bool) bool {
	g.mu.Lock()
	nodes := make([]*node, 0, len(g.plan.Nodes))
	for _, plan := range g.plan.Nodes {
		if n := g.nodes[plan.Name]; n != nil {
			nodes = append(nodes, n)
		}
	}
	g.mu.Unlock()
	for _, n := range nodes {
		n.mu.Lock()
		plan, stage := n.plan, n.stage
		n.mu.Unlock()
		if r, ok := stage.(Reception); ok && f(plan, r) {
			return true
		}
	}
	return false
}
