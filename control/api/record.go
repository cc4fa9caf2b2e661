package api

import (
	"context"
	"maps"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/desired"
	"weir/control/rest"
	"weir/pipeline"
)

// Recorder knows the stages that record.
type Recorder interface {
	// Use is their type.
	Use() string
	// Defaults are settings of one where nobody says otherwise.
	Defaults() map[string]any
	// UnderWay is the recording that one makes, by its detail; false if it makes none now.
	UnderWay(detail any) (Recording, bool)
	// Idle says whether one waits to be told to record, by its detail.
	Idle(detail any) bool
}

// NewRecording is how to record.
type NewRecording struct {
	Name       string         `json:"name,omitempty" maxLength:"32"`
	From       any            `json:"from,omitempty"`
	With       map[string]any `json:"with,omitempty" doc:"Settings of the recording stage, as in a file; the defaults where they are left out."`
	Persistent bool           `json:"persistent,omitempty" doc:"Whether it goes on after a restart."`
}

// Started says which stage records.
type Started struct {
	Stream string `json:"stream"`
	Stage  string `json:"stage"`
	Added  bool   `json:"added" doc:"The stage was added for this."`
}

type startedAnswer struct {
	Location string `header:"Location"`
	Body     Started
}

// recorders start and end recordings.
func (r *resources) recorders(a *rest.API) {
	start := with(rest.Operation(rest.Operate, http.MethodPost, "/streams/{stream}/recordings", "start-recording", "Record a stream"), http.StatusConflict, http.StatusTooManyRequests)
	start.DefaultStatus = http.StatusCreated
	huma.Register(a, start, func(ctx context.Context, in *struct {
		StreamRequest
		rest.Idempotent
		Body *NewRecording `required:"false"`
	},
	) (*startedAnswer, error) {
		if in.Body == nil {
			in.Body = &NewRecording{}
		}
		return rest.Do(ctx, &r.once, in.Idempotent, "start-recording "+in.Stream, in.Body, func() (*startedAnswer, error) {
			return r.record(ctx, in.Stream, *in.Body)
		})
	})
	huma.Register(a, with(rest.Operation(rest.Operate, http.MethodPost, "/streams/{stream}/recordings/stop", "stop-recording", "Stop recording a stream"), http.StatusConflict),
		func(ctx context.Context, in *StreamRequest) (*nothing, error) {
			return nil, failure(r.endRecording(ctx, in.Stream))
		})
}

// record starts a recording: with a stage that waits to be told, or with a new one.
func (r *resources) record(ctx context.Context, stream string, how NewRecording) (*startedAnswer, error) {
	snap, running := r.Host.Snapshot(stream)
	if how.With == nil && how.From == nil && how.Name == "" && running {
		for _, g := range snap.Stages {
			if g.Use != r.Recorder.Use() {
				continue
			}
			if g.State == pipeline.Running && !r.Recorder.Idle(g.Detail) { // though it may wait for a key frame
				return nil, rest.Fail(http.StatusConflict, "recording_already", "The stream is being recorded.")
			}
			if err := r.Host.Control(stream, g.Name, []byte(`{"record":true}`)); err != nil {
				return nil, controlFailure(err)
			}
			return r.startedBy(stream, g.Name, false), nil
		}
	}
	if how.With != nil && rest.CallerOf(ctx) != nil && !rest.CallerOf(ctx).Scope.Includes(rest.Configure) {
		return nil, rest.Fail(http.StatusForbidden, "forbidden", "Saying where and how to record needs the scope configure; leave out \"with\".")
	}
	if err := r.within(ctx, r.Recorder.Use(), how.With); err != nil {
		return nil, failure(err)
	}
	settings := r.Recorder.Defaults()
	maps.Copy(settings, how.With)
	o, err := r.add(ctx, stream, NewOutput{Name: how.Name, Use: r.Recorder.Use(), From: how.From, With: settings, Persistent: &how.Persistent})
	if err != nil {
		return nil, failure(err)
	}
	return r.startedBy(stream, o.Name, true), nil
}

func (r *resources) startedBy(stream, stage string, added bool) *startedAnswer {
	return &startedAnswer{
		Location: rest.Root + "/streams/" + url.PathEscape(stream) + "/outputs/" + url.PathEscape(stage),
		Body:     Started{Stream: stream, Stage: stage, Added: added},
	}
}

// endRecording stops all recordings of a stream: stages that were added for one go, all
// others are told.
func (r *resources) endRecording(ctx context.Context, stream string) error {
	outputs, err := r.Desired.Outputs(stream)
	if err != nil {
		return err
	}
	found := false
	for _, o := range outputs {
		if o.Use != r.Recorder.Use() || o.Stopped {
			continue
		}
		if o.Added {
			err = r.Desired.Remove(stream, o.Name, "", by(ctx))
		} else {
			err = r.Host.Control(stream, o.Name, []byte(`{"record":false}`))
		}
		if err != nil {
			return err
		}
		found = true
	}
	if !found {
		return desired.ErrNoStage
	}
	return nil
}
