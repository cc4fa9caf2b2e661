package api

import (
	"context"
	"math"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/desired"
	"weir/control/observe"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/config"
)

// Judgement is what is to be said of an output before it is added.
type Judgement struct {
	Seconds  float64           `json:"seconds" doc:"How much of the stream was looked at; 0 if nothing arrives."`
	Judged   bool              `json:"judged" doc:"Outputs of this type demand something of a stream, and something arrives: if there are no findings, all is well as far as that shows."`
	Findings []observe.Finding `json:"findings" nullable:"false" doc:"What is wrong with what arrives now, in its eyes."`
	Via      []Conversion      `json:"via" nullable:"false" doc:"The conversions in front of it, the nearest first. What they make is not judged."`
}

// Conversion is a stage that the planner puts in front of an output.
type Conversion struct {
	Use string `json:"use" example:"transcode/audio"`
	Why string `json:"why"`
}

func (r *resources) checks(a *rest.API) {
	op := with(rest.Operation(rest.Configure, http.MethodPost, "/streams/{stream}/outputs/check", "check-output", "Check an output before it is added"), http.StatusConflict)
	op.Description = "Checks the settings as adding the output would, and says what its target would find wrong with what arrives now. Nothing is added, and nobody is connected to."
	huma.Register(a, op, func(ctx context.Context, in *struct {
		StreamRequest
		Body NewOutput
	},
	) (*body[Judgement], error) {
		if err := r.within(ctx, in.Body.Use, in.Body.With); err != nil {
			return nil, failure(err)
		}
		plan, name, err := r.Desired.Foresee(in.Stream, in.Body.addition())
		if err != nil {
			return nil, failure(err)
		}
		return &body[Judgement]{r.check(in.Stream, plan, name)}, nil
	})
}

// check looks at a stream with the eyes of a stage that it may get.
func (r *resources) check(stream string, plan *pipeline.Plan, name string) Judgement {
	out := Judgement{Findings: []observe.Finding{}, Via: []Conversion{}}
	seen := r.Host.Preview(stream, plan, name)
	for _, n := range seen.Via {
		out.Via = append(out.Via, Conversion{n.Use, n.Why})
	}
	if seen.Tracks == nil {
		return out
	}
	out.Seconds = math.Round(seen.Held.Seconds()*10) / 10
	for _, n := range plan.Nodes {
		e, ok := n.Config.(pipeline.Examiner)
		if n.Name != name || !ok {
			continue
		}
		out.Judged = true
		for _, f := range e.Examine(seen.Tracks, seen.Units) {
			out.Findings = append(out.Findings, observe.Finding{Finding: f, Target: name})
		}
	}
	return out
}

// addition is what is asked for as what should run.
func (o *NewOutput) addition() desired.Added {
	return desired.Added{
		Addition:   config.Addition{Name: o.Name, Use: o.Use, With: raw(o.With), From: raw(o.From)},
		Persistent: o.Persistent == nil || *o.Persistent,
	}
}
