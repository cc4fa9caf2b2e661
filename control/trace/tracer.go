package trace

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"weir/pipeline"
)

// Tracer makes spans. A nil Tracer makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// flushEvery is how long a span waits to be sent, at most.
const flushEvery = 2 * time.Second

// New makes the Tracer that the environment asks for; nil if it does not. log is told what
// cannot be sent.
func New(env func(string) (string, bool), version string, log *slog.Logger) (*Tracer, error) {
	e, err := newExporter(env, log)
	if err != nil || e == nil {
		return nil, err
	}
	about, err := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "weir"), attribute.String("service.version", version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	p := sdk.NewTracerProvider(sdk.WithResource(about), sdk.WithBatcher(e, sdk.WithBatchTimeout(flushEvery)))
	return &Tracer{provider: p, tracer: p.Tracer("weir")}, nil
}

// Close sends what waits.
func (t *Tracer) Close(ctx context.Context) {
	if t != nil {
		_ = t.provider.Shutdown(ctx) // what cannot be sent has been said
	}
}

// Start begins an operation of ours, such as a reload, and returns what to call at its end.
func (t *Tracer) Start(ctx context.Context, name string) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	return t.step(ctx, name)
}

func (t *Tracer) step(ctx context.Context, name string) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, name)
	return pipeline.Followed(ctx, t.step), func(err error) {
		if err != nil {
			// Not its text, which may quote what somebody sent.
			span.SetStatus(codes.Error, "")
			span.SetAttributes(attribute.String("error.type", fmt.Sprintf("%T", err)))
		}
		span.End()
	}
}

// Request follows a request that is a control operation, and no other: it returns the
// request to go on with, and what to call with the status of the answer; or r and nil. What
// it notes has no query, no header, no address and no body: there may be keys in them.
func (t *Tracer) Request(r *http.Request) (*http.Request, func(status int)) {
	if t == nil || !operation(r) {
		return r, nil
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, r.Method+" "+route(r.URL.Path), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method)))
	return r.WithContext(pipeline.Followed(ctx, t.step)), func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, strconv.Itoa(status))
		}
		span.End()
	}
}

// Hook is Request, or nil where there is nothing to follow.
func (t *Tracer) Hook() func(*http.Request) (*http.Request, func(status int)) {
	if t == nil {
		return nil
	}
	return t.Request
}

// Follower is for operations that begin elsewhere; nil where nobody follows.
func (t *Tracer) Follower() pipeline.Follower {
	if t == nil {
		return nil
	}
	return t.step
}

// operation says whether a request changes something.
func operation(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	default:
		return false
	}
}

// route is what a path is about: of the API its first words, of a stream its leaf. The rest
// are names that somebody chose, of which there is no end.
func route(path string) string {
	if rest, ok := strings.CutPrefix(path, "/v1/"); ok {
		words := strings.SplitN(rest, "/", 2)
		return "/v1/" + known(words[0])
	}
	if i := strings.LastIndexByte(path, '/'); i >= 0 && (path[i:] == "/whip" || path[i:] == "/whep") {
		return path[i:]
	}
	for _, leaf := range []string{"/whip/", "/whep/"} {
		if strings.Contains(path, leaf) {
			return leaf + "{session}"
		}
	}
	return "other"
}

// known is a resource of the API, which is one short word.
func known(word string) string {
	if word == "" || len(word) > 20 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "other"
	}
	return word
}
