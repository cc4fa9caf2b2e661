package control

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"weir/pipeline"
	"weir/pipeline/instance"
)

// MaxNamedStreams is how many streams have metrics of their own. Those beyond, in
// order of their paths, are added up under their pipeline's pattern, so that the
// number of series is bounded whatever publishers call their streams.
const MaxNamedStreams = 150

// Sample is one figure that a service contributes to the metrics.
type Sample struct {
	// Name without the "weir_" in front; Help is one line.
	Name, Help string
	// Counter says that the figure only ever rises.
	Counter bool
	// Label and Value name one of several figures of the same Name; may be "".
	Label, Value string
	Figure       float64
}

// Metrics serves the figures of the streams, the services and the process in the
// Prometheus text format.
func Metrics(streams func() []instance.Snapshot, services func() []Sample, version string) http.Handler {
	reg := prometheus.NewRegistry()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "weir_build_info", Help: "The version that runs; always 1.",
	}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	reg.MustRegister(build, &collector{streams, services},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// collector turns snapshots into metrics when it is asked for them.
type collector struct {
	streams  func() []instance.Snapshot
	services func() []Sample
}

// Describe sends nothing: what there is depends on what runs.
func (*collector) Describe(chan<- *prometheus.Desc) {}

// Collect renders one moment.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	b := board{sums: make(map[string]*sum)}
	all := c.streams()
	states := make(map[instance.State]int)
	for n, s := range all {
		states[s.State]++
		name := s.Path
		if n >= MaxNamedStreams {
			name = s.Pattern
		}
		b.stream(name, s.Snapshot)
	}
	for _, state := range []instance.State{instance.Running, instance.Lingering, instance.Draining} {
		b.gauge("streams", "Streams by state.", float64(states[state]), "state", state.String())
	}
	for _, s := range c.services() {
		var labels []string
		if s.Label != "" {
			labels = []string{s.Label, s.Value}
		}
		if s.Counter {
			b.count(s.Name, s.Help, s.Figure, labels...)
		} else {
			b.gauge(s.Name, s.Help, s.Figure, labels...)
		}
	}
	b.send(out)
}

// board adds up figures of the same name and labels.
type board struct {
	sums  map[string]*sum
	order []string
}

type sum struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	values []string
	figure float64
}

func (b *board) stream(name string, s pipeline.Snapshot) {
	for _, st := range s.Stages {
		at := []string{"pipeline", name, "stage", st.Name}
		b.gauge("stage_state", "1 for the state that the stage is in.", 1, slices.Concat(at, []string{"state", st.State.String()})...)
		for _, kind := range []pipeline.Kind{pipeline.Internal, pipeline.Config, pipeline.Format, pipeline.Peer, pipeline.Transient, pipeline.Overrun} {
			if n := st.Restarts[kind]; n > 0 {
				b.count("stage_failures_total", "Failures of the stage by kind.", float64(n), slices.Concat(at, []string{"reason", kind.String()})...)
			}
		}
		if st.Role == pipeline.Sink {
			b.gauge("viewers", "Viewers that the stage serves.", float64(st.Viewers), at...)
		}
		for _, f := range st.Figures {
			kind := prometheus.GaugeValue
			if f.Counter {
				kind = prometheus.CounterValue
			}
			b.add(kind, f.Name, f.Help, f.Value, slices.Concat(at, f.Labels))
		}
		for _, o := range st.Outputs {
			b.count("stage_units_total", "Units that the stage sent.", float64(o.Units), at...)
			b.count("stage_bytes_total", "Payload bytes that the stage sent.", float64(o.Bytes), at...)
			b.count("stage_late_units_total", "Units dropped because their time did not rise.", float64(o.Late), at...)
			b.gauge("stage_held_bytes", "Payload bytes held for the stage's consumers.", float64(o.HeldBytes), at...)
		}
	}
	for _, e := range s.Edges {
		at := []string{"pipeline", name, "edge", e.From + ">" + e.To}
		units := func(n uint64, result, reason string) {
			b.count("edge_units_total", "Units by what became of them.", float64(n),
				slices.Concat(at, []string{"result", result, "reason", reason})...)
		}
		units(e.Units, "passed", "")
		units(e.Overran, "dropped", "overrun")
		units(e.Keyless, "dropped", "keyless")
		b.count("edge_bytes_total", "Payload bytes that the consumer took.", float64(e.Bytes), at...)
		b.gauge("edge_queue_seconds", "How far the consumer is behind, by arrival.", e.Lag.Seconds(), at...)
	}
}

func (b *board) count(name, help string, figure float64, labels ...string) {
	b.add(prometheus.CounterValue, name, help, figure, labels)
}

func (b *board) gauge(name, help string, figure float64, labels ...string) {
	b.add(prometheus.GaugeValue, name, help, figure, labels)
}

func (b *board) add(kind prometheus.ValueType, name, help string, figure float64, labels []string) {
	key := fmt.Sprintf("%s%q", name, labels)
	s := b.sums[key]
	if s == nil {
		names, values := unzip(labels)
		s = &sum{kind: kind, values: values, desc: prometheus.NewDesc("weir_"+name, help, names, nil)}
		b.sums[key] = s
		b.order = append(b.order, key)
	}
	s.figure += figure
}

func unzip(labels []string) (names, values []string) {
	for pair := range slices.Chunk(labels, 2) {
		names, values = append(names, pair[0]), append(values, pair[1])
	}
	return names, values
}

func (b *board) send(out chan<- prometheus.Metric) {
	for _, key := range b.order {
		s := b.sums[key]
		out <- prometheus.MustNewConstMetric(s.desc, s.kind, s.figure, s.values...)
	}
}
