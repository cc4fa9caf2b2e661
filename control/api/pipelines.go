package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/rest"
	"weir/pipeline"
)

// Pipeline is one that the configuration declares.
type Pipeline struct {
	ID      string          `json:"id" example:"live/{name}"`
	When    string          `json:"when" enum:"published,demanded,always"`
	Stages  []DeclaredStage `json:"stages" nullable:"false"`
	Streams []string        `json:"streams" nullable:"false" doc:"The streams of it that run."`
}

// DeclaredStage is a stage as it is declared.
type DeclaredStage struct {
	Name string   `json:"name"`
	Use  string   `json:"use"`
	From []string `json:"from" nullable:"false"`
}

func (r *resources) pipelines(a *rest.API) {
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/pipelines", "list-pipelines", "The pipelines that are declared"),
		func(ctx context.Context, in *struct{ rest.Paging }) (*body[*rest.Page[Pipeline]], error) {
			var items []Pipeline
			for _, p := range r.Desired.File().Plans {
				items = append(items, r.pipeline(ctx, p))
			}
			slices.SortFunc(items, func(a, b Pipeline) int { return strings.Compare(a.ID, b.ID) })
			page, err := rest.PageOf(in.Paging, items, func(p Pipeline) string { return p.ID })
			return &body[*rest.Page[Pipeline]]{page}, err
		})
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/pipelines/{id}", "get-pipeline", "One pipeline"),
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"300"`
		},
		) (*body[Pipeline], error) {
			for _, p := range r.Desired.File().Plans {
				if p.Def.Pattern.String() == in.ID {
					return &body[Pipeline]{r.pipeline(ctx, p)}, nil
				}
			}
			return nil, rest.Fail(http.StatusNotFound, "no_pipeline", "No pipeline of the configuration has this path.")
		})
}

func (r *resources) pipeline(ctx context.Context, p *pipeline.Plan) Pipeline {
	out := Pipeline{ID: p.Def.Pattern.String(), When: p.Def.When.String(), Stages: []DeclaredStage{}, Streams: []string{}}
	for _, s := range p.Def.Stages {
		d := DeclaredStage{Name: s.Name, Use: s.Use, From: []string{}}
		for _, f := range s.From {
			d.From = append(d.From, f.Stage)
		}
		out.Stages = append(out.Stages, d)
	}
	for _, s := range r.Host.Snapshots() {
		if s.Pattern == p.Def.Pattern.Template().String() && sees(ctx, s.Path) {
			out.Streams = append(out.Streams, s.Path)
		}
	}
	return out
}
