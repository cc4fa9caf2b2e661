package control

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
)

// graph is what the runtime might say of a stream with a source and so many sinks.
func graph(path string, edges int) instance.Snapshot {
	return graphOf(path, edges, []pipeline.Metric{{Name: "output_up", Labels: []string{"target"}}, {Name: "output_lag_seconds", Labels: []string{"target"}}})
}

// graphOf is graph with what all stages of the sinks' type measure.
func graphOf(path string, edges int, metrics []pipeline.Metric) instance.Snapshot {
	s := instance.Snapshot{Pattern: "live/{name}", State: instance.Running, Snapshot: pipeline.Snapshot{Path: path}}
	s.Stages = []pipeline.StageSnapshot{{
		Name: "cam", Use: "ingest/rtmp", Role: pipeline.Source, State: pipeline.Running,
		Outputs: []pipeline.OutputSnapshot{{Port: "out", Units: 9, Keyframes: time.Second}},
	}}
	for n := range edges {
		name := fmt.Sprintf("sink%d", n)
		s.Stages = append(s.Stages, pipeline.StageSnapshot{
			Name: name, Use: "outputs/rtmp", Role: pipeline.Sink, State: pipeline.Running,
			Metrics: metrics,
			Figures: []pipeline.Figure{
				{Name: "output_up", Labels: []string{"target", "primary"}, Value: float64(len(path) % 2)},
				{Name: "output_lag_seconds", Labels: []string{"target", "primary"}, Value: float64(len(path))},
			},
		})
		s.Edges = append(s.Edges, pipeline.EdgeSnapshot{From: "cam", To: name, Units: 100, Bytes: 5000, Lag: time.Second})
	}
	return s
}

func graphs(n, edges int) []instance.Snapshot {
	metrics := graph("", 1).Stages[1].Metrics
	var all []instance.Snapshot
	for i := range n {
		all = append(all, graphOf(fmt.Sprintf("live/s%04d", i), edges, metrics))
	}
	return all
}

// However many streams there are, and however large, the number of series is bounded.
func TestMetricsAreBounded(t *testing.T) {
	for _, edges := range []int{1, 10, 40} {
		one := len(scrape(t, graphs(1, edges))) - len(scrape(t, nil))
		if one > MaxStreamSeries {
			t.Errorf("%d series for a stream of %d edges", one, edges)
		}
		if lines := scrape(t, graphs(160, edges)); len(lines) > 10_000 {
			t.Errorf("%d series for 160 streams of %d edges", len(lines), edges)
		}
	}
	var patterns []instance.Snapshot
	for n := range 300 {
		s := graph(fmt.Sprintf("p%d/s", n), 10)
		s.Pattern = fmt.Sprintf("p%d/{x}", n)
		patterns = append(patterns, s)
	}
	if lines := scrape(t, patterns); len(lines) > 10_000 {
		t.Errorf("%d series for 300 pipelines", len(lines))
	}
}

// What has no series of its own is joined with others of its pipeline: added up, but for
// times and for what is up or down.
func TestStreamsBeyondTheBound(t *testing.T) {
	all := graphs(MaxNamedStreams, 1)
	all = append(all, graph("live/z1", 1), graph("live/z22", 1), graph("live/z333", 1))
	text := strings.Join(scrape(t, all), "\n")
	for _, want := range []string{
		`weir_edge_units_total{pipeline="live/{name}",edge="cam>sink0",result="passed"} 300`,
		`weir_output_up{pipeline="live/{name}",stage="sink0",target="primary"} 0`,
		`weir_output_lag_seconds{pipeline="live/{name}",stage="sink0",target="primary"} 9`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// What is left out of a large stream is counted, and is what matters least.
func TestLargeStreamsKeepWhatMatters(t *testing.T) {
	lines := scrape(t, graphs(1, 15))
	text := strings.Join(lines, "\n")
	for _, want := range []string{`stage_state{pipeline="live/s0000",stage="sink14"`, `output_up{pipeline="live/s0000",stage="sink14"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if !slices.Contains(lines, "weir_metrics_left_out 32") {
		t.Errorf("what is left out is not counted:\n%s", text)
	}
}

// BenchmarkMetrics is one scrape of 200 streams of ten edges.
func BenchmarkMetrics(b *testing.B) {
	all := graphs(200, 10)
	h := Metrics(func() []instance.Snapshot { return all }, func() []Sample { return nil }, "1")
	for _, coding := range []string{"identity", "gzip"} {
		b.Run(coding, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Header.Set("Accept-Encoding", coding)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(discard{http.Header{}}, r)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (d discard) WriteHeader(int)             {}
