package control

import (
	"cmp"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/service/httpd"
)

// The bounds of the metrics, whatever publishers call their streams and however large
// a graph is.
const (
	// MaxNamedStreams is how many streams have series of their own. Those beyond, in
	// order of their paths, are added up under their pipeline's pattern.
	MaxNamedStreams = 150
	// MaxStreamSeries is how many series a stream has; what matters least is left out.
	MaxStreamSeries = 60
	// MaxSeries is how many all streams and services have together.
	MaxSeries = 9_900
)

// Sample is one figure that a service contributes to the metrics.
type Sample struct {
	// Name without the "weir_" in front; Help is one line.
	Name, Help string
	// Counter says that the figure only ever rises.
	Counter bool
	// Label and Value name one of several figures of the same Name; may be "".
	Label, Value string
	Figure       float64
	// Histogram, if not nil, is instead of Figure.
	Histogram *Histogram
}

// Histogram counts observations in buckets.
type Histogram struct {
	Bounds []float64 // upper, rising
	Counts []uint64  // in each bucket, and one more beyond the last bound
	Sum    float64
}

// Metrics serves the figures of the streams, the services and the process in the
// Prometheus text format.
func Metrics(streams func() []instance.Snapshot, services func() []Sample, version string) http.Handler {
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := buildMetric()
	write := func(w io.Writer) error {
		b := newBoard(MaxSeries)
		b.add(&build, 1, version, runtime.Version())
		b.services(services())
		b.streams(streams())
		all, _ := process.Gather() // what there is, if not all can be read
		for _, family := range all {
			if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
				return err
			}
		}
		return b.writeTo(w)
	}
	zips := sync.Pool{New: func() any {
		z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a valid one
		return z
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
		w.Header().Set("Vary", "Accept-Encoding")
		if !httpd.AcceptsGzip(r.Header) {
			_ = write(w) // a scraper that has gone needs no answer
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := zips.Get().(*gzip.Writer)
		defer zips.Put(z)
		z.Reset(w)
		if write(z) == nil {
			_ = z.Close()
		}
	})
}

// services adds what the services contribute.
func (b *board) services(all []Sample) {
	for _, s := range all {
		m := pipeline.Metric{Name: s.Name, Help: s.Help, Counter: s.Counter}
		var values []string
		if s.Label != "" {
			m.Labels, values = []string{s.Label}, []string{s.Value}
		}
		if s.Histogram != nil {
			b.histogram(&m, s.Histogram, values...)
			continue
		}
		b.add(&m, s.Figure, values...)
	}
}

// streams adds what runs.
func (b *board) streams(all []instance.Snapshot) {
	states := make(map[instance.State]int)
	r := newRender(b)
	var held float64
	for n := range all {
		s := &all[n]
		states[s.State]++
		for i := range s.Stages {
			for j := range s.Stages[i].Outputs {
				held += float64(s.Stages[i].Outputs[j].HeldBytes)
			}
		}
		if n < MaxNamedStreams {
			r.stream(&s.Snapshot, s.Path, false)
		} else {
			r.stream(&s.Snapshot, s.Pattern, true)
		}
	}
	m := nodeMetrics()
	for _, state := range []instance.State{instance.Running, instance.Lingering, instance.Draining} {
		b.add(&m[0], float64(states[state]), state.String())
	}
	b.add(&m[1], held)
	b.add(&m[2], float64(b.leftOut))
}

func buildMetric() pipeline.Metric {
	return pipeline.Metric{Name: "build_info", Help: "What runs; always 1.", Labels: []string{"version", "goversion"}}
}

// nodeMetrics are those of all streams together.
func nodeMetrics() []pipeline.Metric {
	return []pipeline.Metric{
		{Name: "streams", Help: "Streams by state.", Labels: []string{"state"}},
		{Name: "held_bytes", Help: "Payload bytes that are held for the consumers of all streams."},
		{Name: "metrics_left_out", Help: "Series that are left out here, because there are too many."},
	}
}

// Described lists the metrics that there can be, by name: those of the streams, of all
// stage types, and of the services, of which each must contribute once.
func Described(stages []*pipeline.Spec, services []Sample) []pipeline.Metric {
	b := newBoard(MaxSeries)
	b.services(services)
	all := append(nodeMetrics(), buildMetric())
	for _, f := range b.byName {
		m := f.metric
		m.Labels = slices.Clone(m.Labels)
		all = append(all, m)
	}
	for _, m := range streamMetrics() {
		all = append(all, atStage(m))
	}
	for _, s := range stages {
		for _, m := range s.Metrics {
			all = append(all, atStage(m))
		}
	}
	return merged(all)
}

// merged gives each name once, with the labels of all, in order.
func merged(all []pipeline.Metric) []pipeline.Metric {
	slices.SortStableFunc(all, func(a, b pipeline.Metric) int { return cmp.Compare(a.Name, b.Name) })
	var out []pipeline.Metric
	for _, m := range all {
		if n := len(out); n > 0 && out[n-1].Name == m.Name {
			for _, l := range m.Labels {
				if !slices.Contains(out[n-1].Labels, l) {
					out[n-1].Labels = append(out[n-1].Labels, l)
				}
			}
			continue
		}
		out = append(out, m)
	}
	return out
}
