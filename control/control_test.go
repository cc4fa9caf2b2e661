package control

import (
	"compress/gzip"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

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
					Outputs: []pipeline.OutputSnapshot{{Port: "out", Units: 100, Bytes: 5000, Late: 1, Keyframes: 2 * time.Second, HeldBytes: 40}},
					Metrics: []pipeline.Metric{{Name: "input_timestamp_jumps_total", Help: "Jumps.", Counter: true}},
					Figures: []pipeline.Figure{{Name: "input_timestamp_jumps_total", Value: 5}, {Name: "undeclared", Value: 1}},
					Detail:  map[string]string{"remote": "192.0.2.7:4711"},
				},
				{
					Name: "hls", Use: "outputs/hls", Role: pipeline.Sink, State: pipeline.Waiting, Viewers: 3,
					Failure:  &pipeline.Error{Op: "open", Kind: pipeline.Transient, Err: errors.New("disk full")},
					Restarts: map[pipeline.Kind]uint64{pipeline.Transient: 4},
				},
			},
			Edges: []pipeline.EdgeSnapshot{{From: "cam", To: "hls", Units: 90, Overran: 8, Keyless: 2, Bytes: 4000, Lost: 4 * time.Second, Lag: 1500 * time.Millisecond}},
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
		Sample{Name: "rtmp_refused_total", Help: "Refused.", Counter: true, Label: "reason", Value: "slow", Figure: 7},
		Sample{Name: "join_seconds", Help: "Joins.", Label: "protocol", Value: "whep", Histogram: &Histogram{Bounds: []float64{0.1, 0.5}, Counts: []uint64{1, 2, 1}, Sum: 3}}), "\n") + "\n"
	for _, want := range []string{
		`weir_build_info{version="1.2.3",goversion="` + runtime.Version() + `"} 1`,
		`weir_edge_units_total{pipeline="live/a",edge="cam>hls",result="passed"} 90`,
		`weir_edge_units_total{pipeline="live/a",edge="cam>hls",result="dropped",reason="overrun"} 8`,
		`weir_edge_units_total{pipeline="live/a",edge="cam>hls",result="dropped",reason="keyless"} 2`,
		`weir_edge_queue_seconds{pipeline="live/a",edge="cam>hls"} 1.5`,
		`weir_lost_media_seconds_total{pipeline="live/a",sink="hls",reason="overrun"} 4`,
		`weir_stage_state{pipeline="live/a",stage="hls",state="waiting"} 1`,
		`weir_stage_restarts_total{pipeline="live/a",stage="hls",reason="transient"} 4`,
		`weir_viewers{pipeline="live/a",stage="hls",protocol="hls"} 3`,
		`weir_stage_late_units_total{pipeline="live/a",stage="cam"} 1`,
		`weir_input_keyframe_interval_seconds{pipeline="live/a",stage="cam"} 2`,
		`weir_input_timestamp_jumps_total{pipeline="live/a",stage="cam"} 5`,
		`weir_streams{state="running"} 1`,
		`weir_held_bytes 40`,
		`weir_rtmp_refused_total{reason="slow"} 7`,
		`weir_join_seconds_bucket{protocol="whep",le="0.5"} 3`,
		`weir_join_seconds_bucket{protocol="whep",le="+Inf"} 4`,
		`weir_join_seconds_count{protocol="whep"} 4`,
		`weir_metrics_left_out 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "192.0.2.7") {
		t.Error("a peer's address is in the metrics")
	}
}

func TestReady(t *testing.T) {
	var trouble error
	h := Ready(func() []string { return []string{"the certificate ends tomorrow"} }, Check{"streams", func() error { return trouble }}, Check{"disk", func() error { return nil }})
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
	if code, body := ask("/readyz?verbose"); code != 503 || body != "streams: about to stop\ndisk: ok\nnote: the certificate ends tomorrow\n" {
		t.Error(code, body)
	}
}

func TestStarted(t *testing.T) {
	up := false
	h := Started(func() bool { return up })
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/startupz", nil))
		if w.Code != want {
			t.Errorf("%d, want %d", w.Code, want)
		}
		up = true
	}
}

// What a stage says is one label's value, whatever is in it, and a scraper that can take it
// gets it compressed.
func TestMetricsAreText(t *testing.T) {
	s := snapshot("live/a")
	s.Stages[0].Metrics = []pipeline.Metric{{Name: "output_up", Help: "A \"line\"\nof \\ text.", Labels: []string{"target"}}}
	s.Stages[0].Figures = []pipeline.Figure{
		{Name: "output_up", Labels: []string{"target", "a\"b\\c\nd\xff"}, Value: 0.25},
		{Name: "output_up", Labels: []string{"target", "far"}, Value: math.Inf(1)},
		{Name: "output_up", Labels: []string{"target", "large"}, Value: 1e18},
	}
	h := Metrics(func() []instance.Snapshot { return []instance.Snapshot{s} }, func() []Sample { return nil }, "1")
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err, w.Header())
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(z)
	if err != nil {
		t.Fatal(err)
	}
	up := families["weir_output_up"]
	if got := up.GetHelp(); got != "A \"line\"\nof \\ text." {
		t.Errorf("help %q", got)
	}
	var got []string
	for _, m := range up.GetMetric() {
		got = append(got, fmt.Sprint(m.GetLabel()[2].GetValue(), " ", m.GetGauge().GetValue()))
	}
	if want := []string{"a\"b\\c\nd\uFFFD 0.25", "far +Inf", "large 1e+18"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, name := range []string{"weir_edge_units_total", "go_goroutines", "process_cpu_seconds_total"} {
		if len(families[name].GetMetric()) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
}
