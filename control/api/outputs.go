package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/desired"
	"weir/control/observe"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/instance"
)

// Output is a stage that streams leave by: a push, a recording, HLS.
type Output struct {
	observe.OutputState
	From       any               `json:"from" doc:"What it reads from, as in a file: a stage, a list of them, or one with its queue."`
	Origin     string            `json:"origin" enum:"file,added"`
	Persistent bool              `json:"persistent" doc:"It is there again after a restart."`
	Stopped    bool              `json:"stopped"`
	With       map[string]any    `json:"with" nullable:"false" doc:"Its settings that differ from the defaults; *** stands for a secret."`
	Detail     any               `json:"detail,omitempty" doc:"What it shows of itself."`
	Findings   []observe.Finding `json:"findings" nullable:"false" doc:"What is wrong with the stream, in its eyes."`
}

// OutputRequest is about one output of a stream.
type OutputRequest struct {
	StreamRequest
	Name string `path:"name" maxLength:"64"`
}

type outputAnswer struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Output
}

// NewOutput is what is asked for.
type NewOutput struct {
	Name       string         `json:"name,omitempty" maxLength:"32" doc:"It gets one if it is left out."`
	Use        string         `json:"use" maxLength:"64" example:"outputs/rtmp"`
	From       any            `json:"from,omitempty" doc:"What it reads from, as in a file; what other outputs read from if it is left out."`
	With       map[string]any `json:"with,omitempty" doc:"Its settings, as in a file."`
	Persistent *bool          `json:"persistent,omitempty" default:"true" doc:"Whether it is there again after a restart."`
}

func (r *resources) outputs(a *rest.API) {
	const list, one = "/streams/{stream}/outputs", "/streams/{stream}/outputs/{name}"
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, list, "list-outputs", "The outputs of a stream, declared and added"),
		func(_ context.Context, in *struct {
			StreamRequest
			rest.Paging
		},
		) (*body[*rest.Page[Output]], error) {
			wanted, err := r.Desired.Outputs(in.Stream)
			if err != nil {
				return nil, failure(err)
			}
			snap, running := r.Host.Snapshot(in.Stream)
			items := make([]Output, 0, len(wanted))
			for i := range wanted {
				items = append(items, r.output(&wanted[i], &snap, running))
			}
			page, err := rest.PageOf(in.Paging, sorted(items), func(o Output) string { return o.Name })
			return &body[*rest.Page[Output]]{page}, err
		})
	create := with(rest.Operation(rest.Configure, http.MethodPost, list, "add-output", "Add an output to a stream"), http.StatusConflict, http.StatusTooManyRequests)
	create.DefaultStatus = http.StatusCreated
	huma.Register(a, create, func(ctx context.Context, in *struct {
		StreamRequest
		rest.Idempotent
		Body NewOutput
	},
	) (*outputAnswer, error) {
		return rest.Do(ctx, &r.once, in.Idempotent, "add-output "+in.Stream, in.Body, func() (*outputAnswer, error) {
			err := r.within(ctx, in.Body.Use, in.Body.With)
			var o desired.Output
			if err == nil {
				o, err = r.add(ctx, in.Stream, in.Body)
			}
			if err != nil {
				return nil, failure(err)
			}
			out := r.answer(in.Stream, o)
			out.Status = http.StatusCreated
			out.Location = rest.Root + "/streams/" + url.PathEscape(in.Stream) + "/outputs/" + url.PathEscape(o.Name)
			return out, nil
		})
	})
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, one, "get-output", "One output of a stream"),
		func(_ context.Context, in *OutputRequest) (*outputAnswer, error) {
			o, err := r.Desired.Output(in.Stream, in.Name)
			if err != nil {
				return nil, r.absent(err)
			}
			return r.answer(in.Stream, o), nil
		})
	huma.Register(a, with(rest.Operation(rest.Configure, http.MethodPatch, one, "change-output", "Change where an added output goes"), http.StatusConflict, http.StatusPreconditionFailed),
		func(ctx context.Context, in *struct {
			OutputRequest
			IfMatch
			Body struct {
				With map[string]any `json:"with,omitempty" doc:"A merge patch (RFC 7396) of its settings: null is the default again, *** leaves a secret as it is."`
				From any            `json:"from,omitempty"`
			}
		},
		) (*outputAnswer, error) {
			before, err := r.Desired.Output(in.Stream, in.Name)
			if err == nil {
				err = r.within(ctx, before.Use, in.Body.With)
			}
			if err != nil {
				return nil, failure(err)
			}
			o, err := r.Desired.Patch(in.Stream, in.Name, raw(in.Body.With), raw(in.Body.From), in.version(), by(ctx))
			if err != nil {
				return nil, failure(err)
			}
			return r.answer(in.Stream, o), nil
		})
	huma.Register(a, with(rest.Operation(rest.Configure, http.MethodDelete, one, "remove-output", "Remove an added output"), http.StatusConflict, http.StatusPreconditionFailed),
		func(ctx context.Context, in *struct {
			OutputRequest
			IfMatch
		},
		) (*nothing, error) {
			return nil, failure(r.Desired.Remove(in.Stream, in.Name, in.version(), by(ctx)))
		})
	for verb, stopped := range map[string]bool{"start": false, "stop": true} {
		summary := map[string]string{"start": "Start an output that was stopped", "stop": "Stop an output, until it is started again"}[verb]
		huma.Register(a, with(rest.Operation(rest.Operate, http.MethodPost, one+"/"+verb, verb+"-output", summary), http.StatusConflict),
			func(ctx context.Context, in *OutputRequest) (*outputAnswer, error) {
				o, err := r.Desired.Stop(in.Stream, in.Name, stopped, by(ctx))
				if err != nil {
					return nil, failure(err)
				}
				return r.answer(in.Stream, o), nil
			})
	}
}

// absent is failure for reading: what is no output is not there.
func (r *resources) absent(err error) error {
	if err == desired.ErrNoOutput { //nolint:errorlint // it comes bare
		err = desired.ErrNoStage
	}
	return failure(err)
}

// add brings a new output into force.
func (r *resources) add(ctx context.Context, stream string, o NewOutput) (desired.Output, error) {
	if c := rest.CallerOf(ctx); c != nil && r.Quota != nil {
		if err := r.Quota(c, stream, r.Desired.Count); err != nil {
			return desired.Output{}, err
		}
	}
	return r.Desired.Add(stream, o.addition(), by(ctx))
}

// within refuses settings that reach beyond the streams and what the file names, from
// whoever may not do everything (T8).
func (r *resources) within(ctx context.Context, use string, with map[string]any) error {
	if c := rest.CallerOf(ctx); c == nil || c.Scope.Includes(rest.Admin) {
		return nil
	}
	return r.Desired.Within(use, with)
}

// raw is a value as JSON, or nothing.
func raw(v any) json.RawMessage {
	if m, ok := v.(map[string]any); v == nil || ok && m == nil {
		return nil
	}
	b, _ := json.Marshal(v) // it came as JSON
	return b
}

func (r *resources) answer(stream string, o desired.Output) *outputAnswer {
	snap, running := r.Host.Snapshot(stream)
	return &outputAnswer{Status: http.StatusOK, ETag: etag(o.Version), Body: r.output(&o, &snap, running)}
}

// output is what should be and what is.
func (r *resources) output(o *desired.Output, s *instance.Snapshot, running bool) Output {
	out := Output{
		OutputState: observe.OutputState{Name: o.Name, Use: o.Use, State: "offline"},
		From:        o.From, Origin: "file", Persistent: o.Persistent, Stopped: o.Stopped, With: o.With, Findings: []observe.Finding{},
	}
	if o.Added {
		out.Origin = "added"
	}
	if running {
		out.State = pipeline.Starting.String()
	}
	for i := range s.Stages { // none unless it runs
		if g := &s.Stages[i]; g.Name == o.Name {
			out.OutputState, out.Detail = observe.OutputOf(g), g.Detail
			out.Findings = observe.AppendFindings(out.Findings, g)
		}
	}
	switch {
	case o.Refused != "":
		out.State, out.Reason, out.Message = pipeline.Failed.String(), "refused", o.Refused
	case o.Stopped:
		out.State, out.Reason, out.Message = "stopped", "", ""
	}
	return out
}
