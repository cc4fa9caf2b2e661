package pipeline

import (
	"fmt"
	"time"

	"weir/pipeline/media"
)

// State is what a stage is doing.
type State uint8

// The states of a stage.
const (
	Starting State = iota // being made and opened
	Running
	Waiting // failed, and will be restarted
	Paused  // an inserted conversion that nobody needs now
	Failed  // failed for good, or until its configuration changes
	Ended   // its work is done
)

// String is the state's name in the API and in metrics.
func (s State) String() string {
	switch s {
	case Starting:
		return "starting"
	case Running:
		return "running"
	case Waiting:
		return "waiting"
	case Paused:
		return "paused"
	case Failed:
		return "failed"
	case Ended:
		return "ended"
	default:
		return fmt.Sprintf("State(%d)", s)
	}
}

// Snapshot shows a graph at one moment. The API, the metrics and the user interface
// are rendered from it and know nothing else of the runtime.
type Snapshot struct {
	Path    string
	Epoch   time.Time
	Viewers int
	Stages  []StageSnapshot // in topological order
	Edges   []EdgeSnapshot
}

// StageSnapshot shows one stage.
type StageSnapshot struct {
	Name, Use string
	Role      Role
	Inserted  bool
	Why       string
	State     State
	Since     time.Time
	// Failure is the last one, or nil.
	Failure  *Error
	Restarts map[Kind]uint64 // by the kind of failure; nil before the first one
	Viewers  int
	Outputs  []OutputSnapshot
	// Report is what the stage's Report says; zero if it says nothing.
	Report Report
	// Detail is what the stage's Describe says, or nil.
	Detail any
	// Figures are the stage's own; Metrics describes them.
	Figures []Figure
	Metrics []Metric
}

// OutputSnapshot shows one output.
type OutputSnapshot struct {
	Port   string
	Tracks *media.TrackSet // in force, or nil
	Units  uint64          // ever sent
	Bytes  int64           // payload bytes ever sent
	Late   uint64          // units dropped because their time did not rise
	// Keyframes is the time between the last two key pictures, by their DTS; 0 before them.
	Keyframes time.Duration
	// HeldBytes and Held are what consumers could still go back to.
	HeldBytes int64
	Held      time.Duration
}

// EdgeSnapshot shows one edge.
type EdgeSnapshot struct {
	From, FromPort, To, Port string
	Units                    uint64        // delivered
	Bytes                    uint64        // payload bytes delivered
	Pictures                 uint64        // delivered to their ends, of all layers
	Overran                  uint64        // dropped: the consumer was too slow
	Keyless                  uint64        // dropped: their layer waited for a key unit
	Lost                     time.Duration // of media, by arrival, that the consumer did not get because it was too slow
	Queued                   int           // items not consumed yet
	Lag                      time.Duration
}

// Snapshot shows the graph as it is now.
func (g *Graph) Snapshot() Snapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	edges := 0
	for _, plan := range g.plan.Nodes {
		edges += len(plan.Edges)
	}
	s := Snapshot{
		Path: g.opts.Path, Epoch: g.epoch,
		Stages: make([]StageSnapshot, 0, len(g.plan.Nodes)), Edges: make([]EdgeSnapshot, 0, edges),
	}
	for _, plan := range g.plan.Nodes {
		n := g.nodes[plan.Name]
		if n == nil {
			continue
		}
		s.Stages = append(s.Stages, StageSnapshot{})
		st := &s.Stages[len(s.Stages)-1]
		s.Edges = n.snapshot(st, s.Edges)
		s.Viewers += st.Viewers
	}
	return s
}

// snapshot fills in s, and adds the edges that lead to the node.
func (n *node) snapshot(s *StageSnapshot, es []EdgeSnapshot) []EdgeSnapshot {
	n.mu.Lock()
	*s = StageSnapshot{
		Name: n.name, Use: n.plan.Use, Role: n.plan.Factory.Spec().Role,
		Inserted: n.plan.Inserted, Why: n.plan.Why,
		State: n.state, Since: n.since, Failure: n.failure, Viewers: int(n.viewers.Load()),
	}
	for k, count := range n.restarts {
		if count > 0 {
			if s.Restarts == nil {
				s.Restarts = make(map[Kind]uint64)
			}
			s.Restarts[Kind(k)] = count
		}
	}
	outs, edges, stage := n.outs, n.edges, n.stage
	n.mu.Unlock()
	if len(outs) > 0 {
		s.Outputs = make([]OutputSnapshot, 0, len(outs))
	}
	for _, o := range outs {
		r := o.ring.Stats()
		s.Outputs = append(s.Outputs, OutputSnapshot{
			Port: o.port, Tracks: o.ring.Tracks(), Units: r.Units, Bytes: r.Bytes,
			Late: o.late.Load(), Keyframes: time.Duration(o.rhythm.every.Load()), HeldBytes: r.HeldBytes, Held: r.Held,
		})
	}
	if d, ok := stage.(Describer); ok {
		s.Detail = d.Describe()
	}
	if r, ok := stage.(Reporter); ok {
		s.Report = r.Report()
	}
	if m, ok := stage.(Measurer); ok {
		s.Figures, s.Metrics = m.Measure(), n.plan.Factory.Spec().Metrics
	}
	for _, e := range edges {
		c := e.stats()
		es = append(es, EdgeSnapshot{
			From: e.plan.From, FromPort: e.plan.FromPort, To: n.name, Port: e.plan.Port,
			Units: c.Delivered, Bytes: c.Bytes, Pictures: c.Pictures, Overran: c.Overran, Keyless: c.Keyless, Lost: c.Lost,
			Queued: c.Queued, Lag: c.Lag,
		})
	}
	return es
}
