package main

import (
	"fmt"
	"strings"

	"weir/control"
	"weir/pipeline"
)

// metricsReference is the page that explains all metrics, made of what the binary says.
func metricsReference(samples []control.Sample) string {
	var specs []*pipeline.Spec
	for _, f := range stages(services{}) {
		specs = append(specs, f.Spec())
	}
	var b strings.Builder
	b.WriteString(`# Metrics

What ` + "`/metrics`" + ` shows, in the Prometheus text format. This page is made from the source
(` + "`go test ./cmd/weir -run TestMetricsReference -update`" + `).

`)
	fmt.Fprintf(&b, "A stream has at most %d series and a node at most 10,000: the first %d streams have their own,\n", control.MaxStreamSeries, control.MaxNamedStreams)
	b.WriteString("those beyond are joined under their pipeline's pattern, and what is left out is counted in\n" +
		"`weir_metrics_left_out`. No label has a peer's address, a session or a key. Beside these there are\n" +
		"`go_…` and `process_…`.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range control.Described(specs, samples) {
		kind := "gauge"
		switch {
		case m.Counter:
			kind = "counter"
		case m.Name == "join_seconds":
			kind = "histogram"
		}
		fmt.Fprintf(&b, "| `weir_%s` | %s | %s | %s |\n", m.Name, kind, strings.Join(m.Labels, ", "), m.Help)
	}
	return b.String()
}
