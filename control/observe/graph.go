package observe

import (
	"math"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
)

// Graph is a pipeline's graph: of a stream that runs, or as it is declared.
type Graph struct {
	Path    string      `json:"path,omitempty" doc:"The stream; left out of a graph that is only declared."`
	Pattern string      `json:"pattern"`
	Live    bool        `json:"live"`
	Nodes   []GraphNode `json:"nodes" nullable:"false"`
	Edges   []GraphEdge `json:"edges" nullable:"false"`
}

// GraphNode is a stage of a graph, and its place.
type GraphNode struct {
	Stage
	Column int `json:"column" doc:"Its place from left to right."`
}

// Stage is a stage of a pipeline.
type Stage struct {
	Name     string    `json:"name"`
	Use      string    `json:"use"`
	Role     string    `json:"role" enum:"source,transform,sink"`
	Inserted bool      `json:"inserted" doc:"It is a conversion that the planner has put in; why says what for."`
	Why      string    `json:"why,omitempty"`
	State    string    `json:"state" enum:"declared,starting,running,waiting,paused,failed,ended" doc:"declared, unless the stream runs."`
	Since    time.Time `json:"since,omitzero"`
	Viewers  int       `json:"viewers"`
	Trouble  *Trouble  `json:"problem,omitempty"`
	Restarts uint64    `json:"restarts"`
	Detail   any       `json:"detail,omitempty" doc:"What the stage says of itself."`
	Tracks   []Track   `json:"tracks,omitempty" doc:"What it sends."`
}

// Trouble is the last failure of a stage that does not run.
type Trouble struct {
	Kind    string `json:"kind" example:"transient"`
	Message string `json:"message"`
}

// Track is what a stage sends.
type Track struct {
	ID       string  `json:"id"`
	Kind     string  `json:"kind" enum:"video,audio"`
	Codec    string  `json:"codec" example:"H.264"`
	Group    string  `json:"group,omitempty"`
	Language string  `json:"language,omitempty"`
	Layers   []Layer `json:"layers,omitempty"`
	Summary  string  `json:"summary" example:"H.264 High 1080p30"`
}

// Layer is one rendition of a video track.
type Layer struct {
	Name    string  `json:"name"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	FPS     float64 `json:"fps"`
	Bitrate int64   `json:"bitrate"`
}

// GraphEdge is one connection of a graph.
type GraphEdge struct {
	From     string  `json:"from"`
	FromPort string  `json:"from_port"`
	To       string  `json:"to"`
	Port     string  `json:"port"`
	FPS      float64 `json:"fps" doc:"Pictures in a second, of all layers; 0 without video."`
	Rate     float64 `json:"units_per_second" doc:"Access units or packets of all tracks."`
	Bitrate  int64   `json:"bitrate"`
	Lag      float64 `json:"queue_seconds" doc:"How far the consumer is behind."`
	Queued   int     `json:"queued"`
	Units    uint64  `json:"units"`
	Bytes    uint64  `json:"bytes"`
	Dropped  Dropped `json:"dropped"`
	Dropping bool    `json:"dropping" doc:"Units were dropped in the last second."`
	Stalled  bool    `json:"stalled" doc:"Nothing moves, and something should."`
	Why      string  `json:"why,omitempty"`
}

// Dropped counts units that never arrived.
type Dropped struct {
	Overrun uint64 `json:"overrun" doc:"The consumer was too slow."`
	Keyless uint64 `json:"keyless" doc:"Their layer waited for a key frame."`
}

// Graph is the graph of the stream at a path; nil if there is none.
func (s *Sample) Graph(path string) *Graph {
	v := s.view(path)
	if v == nil {
		return nil
	}
	g := &Graph{Path: v.Path, Pattern: v.Pipeline, Live: true}
	for i := range v.snap.Edges {
		g.Edges = append(g.Edges, edgeOf(&v.snap.Edges[i], &v.rates[i]))
	}
	for i := range v.snap.Stages {
		g.Nodes = append(g.Nodes, GraphNode{Stage: StageOf(&v.snap.Stages[i])})
	}
	g.arrange()
	return g
}

// Declared is the graph of a plan, of which nothing runs.
func Declared(p *pipeline.Plan) *Graph {
	g := &Graph{Pattern: p.Def.Pattern.String(), Nodes: []GraphNode{}, Edges: []GraphEdge{}}
	for _, n := range p.Nodes {
		g.Nodes = append(g.Nodes, GraphNode{Stage: Stage{
			Name: n.Name, Use: n.Use, Role: n.Factory.Spec().Role.String(),
			Inserted: n.Inserted, Why: n.Why, State: "declared",
		}})
		for _, e := range n.Edges {
			g.Edges = append(g.Edges, GraphEdge{From: e.From, FromPort: e.FromPort, To: n.Name, Port: e.Port})
		}
	}
	g.arrange()
	return g
}

// arrange gives each node its column: right of all that it reads from. Nodes are in
// topological order.
func (g *Graph) arrange() {
	columns := make(map[string]int, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for j := range g.Edges {
			if e := &g.Edges[j]; e.To == n.Name {
				n.Column = max(n.Column, columns[e.From]+1)
			}
		}
		columns[n.Name] = n.Column
	}
}

// StageOf is what a snapshot of a stage shows.
func StageOf(st *pipeline.StageSnapshot) Stage {
	n := Stage{
		Name: st.Name, Use: st.Use, Role: st.Role.String(), Inserted: st.Inserted, Why: st.Why,
		State: st.State.String(), Since: st.Since.UTC(), Viewers: st.Viewers, Detail: st.Detail,
	}
	for _, count := range st.Restarts {
		n.Restarts += count
	}
	if st.Failure != nil && (st.State == pipeline.Waiting || st.State == pipeline.Failed) {
		n.Trouble = &Trouble{st.Failure.Kind.String(), messageOf(st.Failure)}
	}
	for i := range st.Outputs {
		if set := st.Outputs[i].Tracks; set != nil {
			for _, t := range set.Tracks {
				n.Tracks = append(n.Tracks, trackOf(t))
			}
		}
	}
	return n
}

func trackOf(t *media.Track) Track {
	out := Track{
		ID: string(t.ID), Kind: t.Kind().String(), Codec: t.Codec.String(),
		Group: t.Group, Language: t.Language, Summary: TrackSummary(t),
	}
	for _, l := range t.Layers {
		out.Layers = append(out.Layers, Layer{l.Name, l.Width, l.Height, l.FPS, l.Bitrate})
	}
	return out
}

func edgeOf(e *pipeline.EdgeSnapshot, r *rate) GraphEdge {
	return GraphEdge{
		From: e.From, FromPort: e.FromPort, To: e.To, Port: e.Port,
		FPS: tenth(r.pictures), Rate: tenth(r.units), Bitrate: int64(r.bitrate), Lag: math.Round(e.Lag.Seconds()*1000) / 1000,
		Queued: e.Queued, Units: e.Units, Bytes: e.Bytes, Dropped: Dropped{e.Overran, e.Keyless},
		Dropping: r.dropping, Stalled: r.stalled, Why: r.why,
	}
}

func tenth(f float64) float64 { return math.Round(f*10) / 10 }
