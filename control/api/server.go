package api

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/rest"
	"weir/pipeline/config"
	"weir/pipeline/platform"
)

// Server is what this server is.
type Server struct {
	Version     string    `json:"version"`
	StartedAt   time.Time `json:"started_at"`
	SetupNeeded bool      `json:"setup_needed" doc:"Nobody can sign in yet."`
	Writable    bool      `json:"writable" doc:"The configuration can be changed through the API."`
	Addresses   []Address `json:"addresses" nullable:"false"`
	Limits      []Limit   `json:"limits" nullable:"false"`
}

// Address is where something is spoken.
type Address struct {
	Name     string `json:"name" example:"http"`
	Protocol string `json:"protocol" example:"HTTPS"`
	Address  string `json:"address" example:"[::]:8080"`
}

// Limit is how much there may be of something, and how much there is.
type Limit struct {
	Limit   string  `json:"limit" example:"streams"`
	Current float64 `json:"current"`
	Max     float64 `json:"max" doc:"0 if there is no limit."`
}

// Node is one server of several.
type Node struct {
	ID        string    `json:"id"`
	Role      string    `json:"role" example:"standalone"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	LoadRatio float64   `json:"load_ratio" doc:"How busy its processors are, from 0 to 1."`
}

// Platform is a place that streams are pushed to, and what it demands.
type Platform struct {
	platform.Preset
	NeedsKey bool `json:"needs_key"`
}

// StageType is a type of stage.
type StageType struct {
	Type    string `json:"type" example:"outputs/rtmp"`
	Role    string `json:"role" enum:"source,transform,sink"`
	Doc     string `json:"doc"`
	Example string `json:"example" doc:"A complete stage with comments, in YAML."`
	Schema  any    `json:"schema" doc:"The JSON Schema of its settings."`
}

// all is a list that is never long.
type all[T any] struct {
	Items []T `json:"items" nullable:"false"`
}

func (r *resources) server(a *rest.API) {
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/server", "get-server", "What this server is"),
		func(context.Context, *struct{}) (*body[Server], error) {
			s := Server{Version: r.Version, StartedAt: r.Started.UTC(), Writable: r.Desired.Show().Writable, Addresses: r.Addresses(), Limits: r.Limits()}
			s.SetupNeeded = r.SetupNeeded != nil && r.SetupNeeded()
			return &body[Server]{s}, nil
		})
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/nodes", "list-nodes", "The servers that work together"),
		func(context.Context, *struct{}) (*body[all[Node]], error) {
			name, err := os.Hostname()
			if err != nil {
				name = "this"
			}
			n := Node{ID: name, Role: "standalone", Version: r.Version, StartedAt: r.Started.UTC()}
			if r.Load != nil {
				n.LoadRatio = r.Load()
			}
			return &body[all[Node]]{all[Node]{[]Node{n}}}, nil
		})
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/platforms", "list-platforms", "Places that streams are pushed to"),
		func(context.Context, *struct{}) (*body[all[Platform]], error) {
			out := []Platform{}
			for _, p := range platform.All() {
				if p.Severities == nil {
					p.Severities = map[string]string{}
				}
				out = append(out, Platform{Preset: p, NeedsKey: p.URL != ""})
			}
			return &body[all[Platform]]{all[Platform]{out}}, nil
		})
	types := r.types()
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/stages", "list-stage-types", "The types of stages that pipelines are made of"),
		func(context.Context, *struct{}) (*body[all[StageType]], error) {
			return &body[all[StageType]]{all[StageType]{types}}, nil
		})
}

func (r *resources) types() []StageType {
	out := []StageType{}
	for _, use := range r.Registry.Types() {
		f, _ := r.Registry.Lookup(use)
		spec := f.Spec()
		t := StageType{Type: use, Role: spec.Role.String(), Doc: spec.Doc, Example: spec.Example}
		_ = json.Unmarshal(config.StageSchema(f), &t.Schema)
		out = append(out, t)
	}
	return out
}
