package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/rest"
)

// Prober tries places for recordings.
type Prober interface {
	// Probe writes, reads and deletes a small object in a store, given by its settings as in
	// a file. An error says what is wrong with the settings; what the store answers is in
	// the steps.
	Probe(ctx context.Context, store json.RawMessage) ([]ProbeStep, error)
}

// ProbeStep is one thing that was tried of a store.
type ProbeStep struct {
	What    string `json:"what" example:"write"`
	OK      bool   `json:"ok"`
	Message string `json:"message,omitempty" doc:"Why it did not go well."`
}

// Probed is how trying a store went.
type Probed struct {
	OK    bool        `json:"ok" doc:"Recordings can be kept there."`
	Steps []ProbeStep `json:"steps" nullable:"false"`
}

// probeTime is how long a store may take to answer.
const probeTime = 20 * time.Second

// stores are places for recordings.
func (r *resources) stores(a *rest.API, prober Prober) {
	huma.Register(a, rest.Operation(rest.Configure, http.MethodPost, "/stores/probe", "probe-store", "Try whether recordings can be kept in a store"),
		func(ctx context.Context, in *struct {
			Body struct {
				Store map[string]any `json:"store" doc:"The store, as a stage that records has it in a file."`
			}
		},
		) (*body[Probed], error) {
			return probe(ctx, prober, in.Body.Store)
		})
}

func probe(ctx context.Context, p Prober, store map[string]any) (*body[Probed], error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	steps, err := p.Probe(ctx, raw(store))
	if err != nil {
		problem := rest.Fail(http.StatusUnprocessableEntity, "invalid_configuration", "The store cannot be opened.")
		problem.Errors = append(problem.Errors, rest.Wrong{Location: "body.store", Message: err.Error()})
		return nil, problem
	}
	out := Probed{OK: !slices.ContainsFunc(steps, func(s ProbeStep) bool { return !s.OK }), Steps: steps}
	return &body[Probed]{out}, nil
}
