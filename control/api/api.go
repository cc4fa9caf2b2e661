package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/desired"
	"weir/control/observe"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/config"
	"weir/pipeline/instance"
	"weir/pipeline/media"
)

// Host is what runs; an *instance.Host is one.
type Host interface {
	Snapshots() []instance.Snapshot
	Snapshot(path string) (s instance.Snapshot, running bool)
	End(path string) error
	Control(path, stage string, body []byte) error
	Media
}

// Media is what flows through what runs.
type Media interface {
	Still(path string) *media.Unit
	Preview(path string, plan *pipeline.Plan, stage string) pipeline.Preview
}

// Options are what the resources stand on.
type Options struct {
	Version   string
	Started   time.Time
	Host      Host
	Desired   *desired.Desired
	Registry  *pipeline.Registry
	Observer  *observe.Observer
	Addresses func() []Address
	Limits    func() []Limit
	// What follows may be nil.
	SetupNeeded func() bool
	Load        func() float64
	Quota       func(caller *rest.Caller, stream string, count func(concerned func(stream string) bool) int) error
	Recorder    Recorder // and
	Archive     Archive  // belong together
	Log         *slog.Logger
}

// resources are the operations.
type resources struct {
	Options
	once rest.Once
}

// Register adds all operations to an API.
func Register(a *rest.API, opts Options) {
	r := &resources{Options: opts}
	r.server(a)
	r.pipelines(a)
	r.streams(a)
	r.outputs(a)
	r.checks(a)
	r.configuration(a)
	if opts.Recorder != nil && opts.Archive != nil {
		r.recorders(a)
		r.recordings(a)
		r.recordingFiles(a)
		if prober, ok := r.Archive.(Prober); ok {
			r.stores(a, prober)
		}
	}
}

// with is an operation that may also fail in other ways.
func with(op huma.Operation, statuses ...int) huma.Operation {
	op.Errors = append(op.Errors, statuses...)
	return op
}

// by is who asks.
func by(ctx context.Context) string {
	if c := rest.CallerOf(ctx); c != nil {
		return c.Name
	}
	return ""
}

// sees says whether the caller may know of a stream.
func sees(ctx context.Context, path string) bool {
	c := rest.CallerOf(ctx)
	return c == nil || c.Sees(path)
}

// failure is an error of what is beneath as one of the API.
func failure(err error) error {
	if err == nil {
		return nil
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		p := rest.Fail(http.StatusUnprocessableEntity, "invalid_configuration", problems[0].Message)
		if problems[0].Hint != "" {
			p.Detail += ": " + problems[0].Hint
		}
		for _, one := range problems {
			at := "body"
			if one.Location != "" {
				at += "." + one.Location
			}
			message := one.Message
			if one.Hint != "" {
				message += ": " + one.Hint
			}
			p.Errors = append(p.Errors, rest.Wrong{Location: at, Message: message})
		}
		return p
	}
	for _, k := range []struct {
		err    error
		status int
		code   string
	}{
		{desired.ErrNoPipeline, http.StatusNotFound, "no_pipeline"},
		{desired.ErrNoStage, http.StatusNotFound, "no_stage"},
		{pipeline.ErrNoStage, http.StatusNotFound, "no_stage"},
		{desired.ErrNoVersion, http.StatusNotFound, "no_version"},
		{instance.ErrOffline, http.StatusNotFound, "stream_offline"},
		{ErrNoRecording, http.StatusNotFound, "no_recording"},
		{desired.ErrBeyond, http.StatusForbidden, "beyond_the_file"},
		{desired.ErrTaken, http.StatusConflict, "name_taken"},
		{desired.ErrDeclared, http.StatusConflict, "declared_in_file"},
		{desired.ErrNoOutput, http.StatusConflict, "not_an_output"},
		{desired.ErrReadOnly, http.StatusConflict, "not_writable"},
		{desired.ErrTooMany, http.StatusConflict, "too_many"},
		{instance.ErrAlways, http.StatusConflict, "always_runs"},
		{pipeline.ErrNotRunning, http.StatusConflict, "not_running"},
		{pipeline.ErrNoControl, http.StatusConflict, "no_control"},
		{ErrUnderWay, http.StatusConflict, "under_way"},
		{desired.ErrChanged, http.StatusPreconditionFailed, "changed_meanwhile"},
	} {
		if errors.Is(err, k.err) {
			return rest.Fail(k.status, k.code, sentence(err.Error()))
		}
	}
	return err
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	b := []byte(s)
	if 'a' <= b[0] && b[0] <= 'z' {
		b[0] -= 'a' - 'A'
	}
	if b[len(b)-1] != '.' {
		b = append(b, '.')
	}
	return string(b)
}

// IfMatch is the part of a request that changes a thing of which there are versions.
type IfMatch struct {
	IfMatch string `header:"If-Match" maxLength:"128" doc:"The ETag that is to be changed; without it, whatever there is."`
}

// version is the version that If-Match names; "" is any.
func (m IfMatch) version() string {
	v := m.IfMatch
	if v == "*" {
		return ""
	}
	if len(v) > 2 && v[0] == 'W' && v[1] == '/' {
		v = v[2:]
	}
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		v = v[1 : len(v)-1]
	}
	return v
}

func etag(version string) string { return `"` + version + `"` }

// body is an answer with a body only.
type body[T any] struct{ Body T }

// nothing is an answer without one.
type nothing struct{}
