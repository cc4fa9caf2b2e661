package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"weir/pipeline"
)

// collector takes what is sent to it.
type collector struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	text   string
	spans  []span
	header http.Header
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := new(collector)
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m request
		if err := json.Unmarshal(body, &m); err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text += string(body)
		c.spans = append(c.spans, m.ResourceSpans[0].ScopeSpans[0].Spans...)
		c.header = r.Header
	}))
	t.Cleanup(c.Close)
	return c
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// A request is followed through its steps into the collector, as part of the caller's
// trace, and takes no secret along.
func TestRequest(t *testing.T) {
	c := newCollector(t)
	tracer, err := New(environment("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL, "OTEL_EXPORTER_OTLP_HEADERS", "x-team=live%20ops"), "1.2.3", slog.New(slog.DiscardHandler))
	if err != nil || tracer == nil {
		t.Fatalf("%v, %v", tracer, err)
	}
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	r := httptest.NewRequest(http.MethodPost, "/live/canary-name/whip?key=canary-key", strings.NewReader("canary-body"))
	r.Header.Set("Authorization", "Bearer canary-token")
	r.Header.Set("Traceparent", "00-"+id+"-00f067aa0ba902b7-01")
	r, end := tracer.Request(r)
	if end == nil {
		t.Fatal("a WHIP offer is not followed")
	}
	var log bytes.Buffer
	slog.New(tracer.Log(slog.NewTextHandler(&log, nil))).InfoContext(r.Context(), "publisher has come")
	if !strings.Contains(log.String(), "trace_id="+id) {
		t.Errorf("log: %s", &log)
	}
	ctx, done := pipeline.Step(r.Context(), "authorize")
	_, inner := pipeline.Step(ctx, "hook")
	inner(errors.New("canary-error"))
	done(nil)
	end(http.StatusCreated)
	tracer.Close(t.Context())

	got := make(map[string]span)
	for _, s := range c.spans {
		got[s.Name] = s
		if s.TraceID != id {
			t.Errorf("%s is in trace %s", s.Name, s.TraceID)
		}
	}
	root, step, hook := got["POST /whip"], got["authorize"], got["hook"]
	if root.ParentID != "00f067aa0ba902b7" || root.Kind != 2 || step.ParentID != root.SpanID || hook.ParentID != step.SpanID {
		t.Errorf("%+v", c.spans)
	}
	if root.Status.Code != 0 || hook.Status.Code != 2 {
		t.Errorf("%+v and %+v", root.Status, hook.Status)
	}
	for _, want := range []string{`"service.name"`, `"1.2.3"`, `"http.response.status_code","value":{"intValue":"201"}`} {
		if !strings.Contains(c.text, want) {
			t.Errorf("%s is missing in %s", want, c.text)
		}
	}
	if strings.Contains(c.text, "canary") {
		t.Errorf("a secret went to the collector: %s", c.text)
	}
	if c.header.Get("X-Team") != "live ops" {
		t.Errorf("%v", c.header)
	}
}

// Without the variables there is nothing, and nothing runs.
func TestOff(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, env := range [][]string{
		nil,
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_SDK_DISABLED", "true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER", "none"},
	} {
		tracer, err := New(environment(env...), "1", slog.New(slog.DiscardHandler))
		if tracer != nil || err != nil {
			t.Errorf("%q: %v, %v", env, tracer, err)
		}
	}
	var off *Tracer
	r := httptest.NewRequest(http.MethodPost, "/v1/streams", nil)
	if same, end := off.Request(r); same != r || end != nil {
		t.Error("a request is followed")
	}
	ctx, end := off.Start(context.Background(), "reload")
	end(nil)
	if _, step := pipeline.Step(ctx, "x"); step == nil {
		t.Error("no end")
	}
	if n := testing.AllocsPerRun(100, func() { _, end := pipeline.Step(ctx, "x"); end(nil) }); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
	off.Close(ctx)
}

func TestWrongEnvironment(t *testing.T) {
	for _, env := range [][]string{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
	} {
		if _, err := New(environment(env...), "1", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "help: ") {
			t.Errorf("%q: %v", env, err)
		}
	}
}

// A collector that is not there costs a line in the log, once.
func TestCollectorDown(t *testing.T) {
	var log bytes.Buffer
	tracer, err := New(environment("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), "1", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, end := tracer.Start(t.Context(), "reload")
		end(nil)
		_ = tracer.provider.ForceFlush(t.Context())
	}
	tracer.Close(t.Context())
	if n := strings.Count(log.String(), "traces cannot be sent"); n != 1 {
		t.Errorf("said %d times: %s", n, &log)
	}
}

// Names of spans are few, whatever peers ask for.
func TestRoute(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/streams/live%2Fa/outputs": "/v1/streams", "/v1/users": "/v1/users", "/v1/S3cret-Key": "/v1/other", "/v1/": "/v1/other",
		"/live/a/whip": "/whip", "/live/a/whep": "/whep", "/live/a/whip/abc123": "/whip/{session}", "/live/a": "other", "": "other",
	} {
		if got := route(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		if operation(httptest.NewRequest(m, "/live/a/index.m3u8", nil)) {
			t.Errorf("%s is an operation", m)
		}
	}
}
