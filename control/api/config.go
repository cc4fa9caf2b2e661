package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/desired"
	"weir/control/rest"
	"weir/pipeline/config"
)

// Config is the configuration file in force.
type Config struct {
	YAML     string `json:"yaml" doc:"Its text. *** stands for a secret, also when it is sent back."`
	Name     string `json:"name"`
	Writable bool   `json:"writable"`
	Version  string `json:"version"`
}

// Text is a configuration.
type Text struct {
	YAML string `json:"yaml" maxLength:"300000"`
}

// ConfigProblem is one thing that is wrong with a configuration.
type ConfigProblem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Excerpt string `json:"excerpt,omitempty"`
}

// Checked is what is wrong with a configuration.
type Checked struct {
	Problems []ConfigProblem `json:"problems" nullable:"false"`
}

// Change is what a configuration would do, or has done, to a pipeline.
type Change struct {
	Pipeline  string `json:"pipeline"`
	Change    string `json:"change" example:"1 stage restarts (hls), 3 untouched"`
	Restarts  int    `json:"restarts" doc:"How many stages end, start or restart."`
	Untouched int    `json:"untouched"`
}

// Planned is what a configuration would do.
type Planned struct {
	Changes  []Change        `json:"changes" nullable:"false"`
	Problems []ConfigProblem `json:"problems" nullable:"false"`
}

// Applied is what a configuration has done.
type Applied struct {
	Changes       []Change `json:"changes" nullable:"false"`
	Version       string   `json:"version"`
	RestartNeeded bool     `json:"restart_needed" doc:"The server section changed, which takes effect after a restart."`
}

// Version is an earlier configuration.
type Version struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	By      string    `json:"by,omitempty"`
	InForce bool      `json:"in_force"`
}

type configAnswer struct {
	ETag string `header:"ETag"`
	Body Config
}

type appliedAnswer struct {
	ETag string `header:"ETag"`
	Body Applied
}

func (r *resources) configuration(a *rest.API) {
	huma.Register(a, rest.Operation(rest.Configure, http.MethodGet, "/config", "get-config", "The configuration in force"),
		func(context.Context, *struct{}) (*configAnswer, error) {
			s := r.Desired.Show()
			return &configAnswer{etag(s.Version), Config{YAML: s.YAML, Name: s.Name, Writable: s.Writable, Version: s.Version}}, nil
		})
	schema, err := config.Schema(r.Registry)
	var described any
	if err == nil {
		err = json.Unmarshal(schema, &described)
	}
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/config/schema", "get-config-schema", "The JSON Schema of configurations"),
		func(context.Context, *struct{}) (*body[any], error) { return &body[any]{described}, err })
	huma.Register(a, rest.Operation(rest.Configure, http.MethodGet, "/config/export", "export-config", "The configuration with what was added at run time"),
		func(context.Context, *struct{}) (*body[Text], error) {
			text, err := r.Desired.ExportShown()
			return &body[Text]{Text{text}}, err
		})
	huma.Register(a, rest.Operation(rest.Configure, http.MethodPost, "/config/validate", "validate-config", "Everything that is wrong with a configuration"),
		func(_ context.Context, in *body[Text]) (*body[Checked], error) {
			_, problems := r.Desired.Check([]byte(in.Body.YAML))
			return &body[Checked]{Checked{problemsOf(problems)}}, nil
		})
	huma.Register(a, rest.Operation(rest.Configure, http.MethodPost, "/config/plan", "plan-config", "What a configuration would change"),
		func(_ context.Context, in *body[Text]) (*body[Planned], error) {
			changes, problems := r.Desired.Check([]byte(in.Body.YAML))
			return &body[Planned]{Planned{changesOf(changes), problemsOf(problems)}}, nil
		})
	huma.Register(a, with(rest.Operation(rest.Configure, http.MethodPut, "/config", "put-config", "Bring another configuration into force"), http.StatusConflict, http.StatusPreconditionFailed),
		func(ctx context.Context, in *struct {
			IfMatch
			Body Text
		},
		) (*appliedAnswer, error) {
			return applied(r.Desired.Replace([]byte(in.Body.YAML), in.version(), by(ctx)))
		})
	huma.Register(a, rest.Operation(rest.Configure, http.MethodGet, "/config/history", "list-config-versions", "The configurations before, newest first"),
		func(context.Context, *struct{}) (*body[all[Version]], error) {
			out := []Version{}
			for _, v := range r.Desired.History() {
				out = append(out, Version{Version: v.ID, At: v.At.UTC(), By: v.By, InForce: v.InForce})
			}
			return &body[all[Version]]{all[Version]{out}}, nil
		})
	huma.Register(a, with(rest.Operation(rest.Configure, http.MethodPost, "/config/revert", "revert-config", "Bring an earlier configuration back into force"), http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed),
		func(ctx context.Context, in *struct {
			IfMatch
			Body struct {
				Version string `json:"version" maxLength:"64"`
			}
		},
		) (*appliedAnswer, error) {
			return applied(r.Desired.Revert(in.Body.Version, in.version(), by(ctx)))
		})
}

func applied(result desired.Result, err error) (*appliedAnswer, error) {
	if err != nil {
		return nil, textFailure(err)
	}
	return &appliedAnswer{etag(result.Version), Applied{changesOf(result.Changes), result.Version, result.Restart}}, nil
}

// textFailure is failure, with lines for locations.
func textFailure(err error) error {
	out := failure(err)
	var problems config.Problems
	var p *rest.Problem
	if errors.As(err, &problems) && errors.As(out, &p) {
		for i := range p.Errors {
			p.Errors[i].Location = "body.yaml:" + place(problems[i])
		}
	}
	return out
}

func changesOf(changes []desired.Change) []Change {
	out := []Change{}
	for _, c := range changes {
		out = append(out, Change{Pipeline: c.Pipeline, Change: c.What, Restarts: c.Restarts, Untouched: c.Untouched})
	}
	return out
}

func problemsOf(problems config.Problems) []ConfigProblem {
	out := []ConfigProblem{}
	for _, p := range problems {
		out = append(out, ConfigProblem{Line: p.Line, Column: p.Column, Message: p.Message, Hint: p.Hint, Excerpt: p.Excerpt})
	}
	return out
}

// sorted puts outputs into the order of their names.
func sorted(items []Output) []Output {
	slices.SortFunc(items, func(a, b Output) int { return strings.Compare(a.Name, b.Name) })
	return items
}

// place is "12:9".
func place(p config.Problem) string { return strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) }
