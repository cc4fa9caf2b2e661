package draw

import (
	"encoding/json"
	"fmt"

	"weir/pipeline"
)

type jsonGraph struct {
	Pipelines []jsonPipeline `json:"pipelines"`
}

type jsonPipeline struct {
	Path   string      `json:"path"`
	When   string      `json:"when"`
	Linger string      `json:"linger,omitempty"`
	Adapt  string      `json:"adapt"`
	Stages []jsonStage `json:"stages"`
	Notes  []jsonNote  `json:"notes,omitempty"`
}

type jsonStage struct {
	Name     string     `json:"name"`
	Use      string     `json:"use"`
	Role     string     `json:"role"`
	Inserted bool       `json:"inserted,omitempty"`
	Why      string     `json:"why,omitempty"`
	Restart  string     `json:"restart"`
	From     []jsonEdge `json:"from,omitempty"`
}

type jsonEdge struct {
	Stage   string `json:"stage"`
	Port    string `json:"port"`
	To      string `json:"to"`
	Overrun string `json:"overrun"`
	Hold    string `json:"hold"`
	Bytes   int64  `json:"bytes"`
}

type jsonNote struct {
	Stage   string `json:"stage,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// JSON draws plans for programs, with all defaults filled in. Stages stand in an
// order in which each comes after all that it reads from.
func JSON(plans ...*pipeline.Plan) (string, error) {
	g := jsonGraph{Pipelines: []jsonPipeline{}}
	for _, p := range plans {
		jp := jsonPipeline{Path: p.Def.Pattern.String(), When: p.Def.When.String(), Adapt: p.Def.Adapt.String()}
		if p.Def.When == pipeline.Demanded {
			jp.Linger = pipeline.FormatDuration(p.Def.Linger)
		}
		for _, n := range p.Nodes {
			jp.Stages = append(jp.Stages, stageOf(n))
		}
		for _, note := range p.Notes {
			jp.Notes = append(jp.Notes, jsonNote{note.Stage, note.Message, note.Hint})
		}
		g.Pipelines = append(g.Pipelines, jp)
	}
	b, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return "", fmt.Errorf("draw: %w", err)
	}
	return string(b) + "\n", nil
}

func stageOf(n *pipeline.Node) jsonStage {
	s := jsonStage{
		Name: n.Name, Use: n.Use, Role: n.Factory.Spec().Role.String(),
		Inserted: n.Inserted, Why: n.Why, Restart: n.Restart.String(),
	}
	for _, e := range n.Edges {
		je := jsonEdge{
			Stage: e.From, Port: e.FromPort, To: e.Port, Overrun: e.Queue.Overrun.String(),
			Hold: pipeline.FormatDuration(pipeline.DefaultHold), Bytes: pipeline.DefaultBytes,
		}
		if e.Queue.Hold > 0 {
			je.Hold = pipeline.FormatDuration(e.Queue.Hold)
		}
		if e.Queue.Bytes > 0 {
			je.Bytes = e.Queue.Bytes
		}
		s.From = append(s.From, je)
	}
	return s
}
