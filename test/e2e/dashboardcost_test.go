//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What pages of the interface cost a server of 200 streams and 2,000 edges, and how long
// they keep their browser busy: WEIR_SOAK=10s, on a machine that does nothing else. Spans
// without and with pages are in turns, for what the streams take by themselves varies.
// docs/performance.md has what it was.
func TestDashboardCost(t *testing.T) {
	span, err := time.ParseDuration(os.Getenv("WEIR_SOAK"))
	if err != nil {
		t.Skip("WEIR_SOAK says how long a span is")
	}
	w := many(t, 200, 10)
	for _, c := range []struct {
		what    string
		options []string
	}{
		{"overview", nil},
		{"graph", []string{graphPage}},
		{"five", []string{"pages=5"}},
	} {
		t.Run(c.what, func(t *testing.T) { w.turns(t, span, c.options...) })
	}
	t.Run("metrics", func(t *testing.T) { w.scrape(t, span) })
}

// turns measures the server without and with pages.
func (w weir) turns(t *testing.T, span time.Duration, options ...string) {
	t.Helper()
	const rounds = 3
	var without, with, more []float64
	for range rounds {
		before := w.cpu(t, span)
		var during float64
		d := look(t, w, func() { during = w.cpu(t, span) }, append(options, "settle=3000", "scroll=1")...)
		without, with, more = append(without, before), append(with, during), append(more, during-before)
		t.Logf("FIGURE dashboard tasks of more than 50 ms: opened=%s steady=%s scrolled=%s heap=%.1f..%.1fMB nodes=%d..%d",
			longest(d.Opened), longest(d.Steady), longest(d.Scrolled), float64(d.Before.Heap)/1e6, float64(d.After.Heap)/1e6, d.Before.Nodes, d.After.Nodes)
	}
	slices.Sort(more)
	t.Logf("FIGURE dashboard in %% of a core, spans of %v in turns: without=%.1f with=%.1f more: median %.1f", span, without, with, more[rounds/2])
}

// longest is how many tasks there are, and the longest of them.
func longest(tasks [][2]int) string {
	worst := 0
	for _, task := range tasks {
		worst = max(worst, task[1])
	}
	return fmt.Sprintf("%d/%dms", len(tasks), worst)
}

// cpu is how much of a core the server takes for as long as span. It costs the server two
// scrapes.
func (w weir) cpu(t *testing.T, span time.Duration) float64 {
	t.Helper()
	read := func() float64 {
		_, line, _ := strings.Cut(w.metrics(t), "\nprocess_cpu_seconds_total ")
		line, _, _ = strings.Cut(line, "\n")
		seconds, err := strconv.ParseFloat(line, 64)
		if err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	begun, used := time.Now(), read()
	<-time.After(span)
	return 100 * (read() - used) / time.Since(begun).Seconds()
}

// scrape reads the metrics ten times a second, as many scrapers do, and says how long one
// waits.
func (w weir) scrape(t *testing.T, span time.Duration) {
	t.Helper()
	var took []time.Duration
	var text string
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(span); time.Now().Before(until); <-tick.C {
		begun := time.Now()
		text = w.metrics(t)
		took = append(took, time.Since(begun).Round(100*time.Microsecond))
	}
	slices.Sort(took)
	at := func(share int) time.Duration { return took[(len(took)-1)*share/100] }
	all, most := series(text)
	t.Logf("FIGURE metrics of %d: p50=%v p95=%v p99=%v most=%v bytes=%d series=%d most_of_a_stream=%d",
		len(took), at(50), at(95), at(99), at(100), len(text), all, most)
}
