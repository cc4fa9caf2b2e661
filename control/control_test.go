package control

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
)

// stream is what the runtime might say of a stream with a source and two sinks.
func snapshot(path string) instance.Snapshot {
	return instance.Snapshot{
		Pattern: "live/{name}", State: instance.Running,
		Snapshot: pipeline.Snapshot{
			Path: path, Viewers: 3,
			Stages: []pipeline.StageSnapshot{
				{
					Name: "cam", Use: "ingest/rtmp", Role: pipeline.Source, State: pipeline.Running,
					Outputs: []pipeline.OutputSnapshot{{Port: "out", Units: 100, Bytes: 5000, Late: 1, HeldBytes: 40}},
					Detail:  map[string]string{"remote": "192.0.2.7:4711"},
				},
				{
					Name: "hls", Use: "outputs/hls", Role: pipeline.Sink, State: pipeline.Waiting, Viewers: 3,
					Failure:  &pipeline.Error{Op: "open", Kind: pipeline.Transient, Err: errors.New("disk full")},
					Restarts: map[pipeline.Kind]uint64{pipeline.Transient: 4},
				},
			},
			Edges: []pipeline.EdgeSnapshot{{From: "cam", To: "hls", Units: 90, Overran: 8, Keyless: 2, Bytes: 4000, Lag: 1500 * time.Millisecond}},
		},
	}
}

func scrape(t *testing.T, streams []instance.Snapshot, services ...Sample) []string {
	t.Helper()
	h := Metrics(func() []instance.Snapshot { return streams }, func() []Sample { return services }, "1.2.3")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "weir_") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestMetrics(t *testing.T) {
	got := strings.Join(scrape(t, []instance.Snapshot{snapshot("live/a")},
		Sample{Name: "rtmp_refused_total", Help: "Refused.", Counter: true, Label: "reason", Value: "slow", Figure: 7}), "\n")
	for _, want := range []string{
		`weir_build_info{version="1.2.3"} 1`,
		`weir_edge_units_total{edge="cam>hls",pipeline="live/a",reason="",result="passed"} 90`,
		`weir_edge_units_total{edge="cam>hls",pipeline="live/a",reason="overrun",result="dropped"} 8`,
		`weir_edge_units_total{edge="cam>hls",pipeline="live/a",reason="keyless",result="dropped"} 2`,
		`weir_edge_queue_seconds{edge="cam>hls",pipeline="live/a"} 1.5`,
		`weir_stage_state{pipeline="live/a",stage="hls",state="waiting"} 1`,
		`weir_stage_failures_total{pipeline="live/a",reason="transient",stage="hls"} 4`,
		`weir_viewers{pipeline="live/a",stage="hls"} 3`,
		`weir_stage_late_units_total{pipeline="live/a",stage="cam"} 1`,
		`weir_streams{state="running"} 1`,
		`weir_rtmp_refused_total{reason="slow"} 7`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "192.0.2.7") {
		t.Error("a peer's address is in the metrics")
	}
}

// However many streams there are, the number of series is bounded, and those without
// series of their own are added up.
func TestMetricsAreBounded(t *testing.T) {
	var streams []instance.Snapshot
	for n := range 1000 {
		streams = append(streams, snapshot(fmt.Sprintf("live/s%04d", n)))
	}
	lines := scrape(t, streams)
	if each := len(scrape(t, streams[:2])) - len(scrape(t, streams[:1])); each > 60 {
		t.Errorf("%d series for each stream", each)
	}
	if len(lines) > 10_000 {
		t.Errorf("%d series", len(lines))
	}
	want := fmt.Sprintf(`weir_stage_units_total{pipeline="live/{name}",stage="cam"} %d`, 100*(1000-MaxNamedStreams))
	if !strings.Contains(strings.Join(lines, "\n"), want) {
		t.Errorf("%s is missing", want)
	}
}

func TestReady(t *testing.T) {
	var trouble error
	h := Ready(Check{"streams", func() error { return trouble }}, Check{"disk", func() error { return nil }})
	ask := func(url string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
		return w.Code, w.Body.String()
	}
	if code, body := ask("/readyz"); code != 200 || body != "ready\n" {
		t.Error(code, body)
	}
	trouble = errors.New("about to stop")
	if code, body := ask("/readyz"); code != 503 || body != "not ready\n" {
		t.Error(code, body)
	}
	if code, body := ask("/readyz?verbose"); code != 503 || body != "streams: about to stop\ndisk: ok\n" {
		t.Error(code, body)
	}
}
