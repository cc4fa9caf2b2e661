//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What pages of the interface cost a server of 200 streams and 2,000 edges, and how long
// they keep their browser busy: WEIR_SOAK=10s, on a machine that does nothing else.
// docs/performance.md has what it was.
func TestDashboardCost(t *testing.T) {
	span, err := time.ParseDuration(os.Getenv("WEIR_SOAK"))
	if err != nil {
		t.Skip("WEIR_SOAK says how long a span is")
	}
	w := many(t, 200, 10)
	t.Run("metrics", func(t *testing.T) { w.scrape(t, span) })
	t.Run("pages", func(t *testing.T) { w.pages(t, span, 0, 5, 20) })
	for what, page := range map[string]string{"overview": "page=#/", "graph": graphPage} {
		t.Run(what, func(t *testing.T) {
			d := look(t, w, func() { <-time.After(span) }, page, "settle=3000", "scroll=1")
			t.Logf("FIGURE %s: tasks of more than 50 ms: opened=%s steady=%s scrolled=%s heap=%.1f..%.1fMB nodes=%d..%d",
				what, longest(d.Opened), longest(d.Steady), longest(d.Scrolled), float64(d.Before.Heap)/1e6, float64(d.After.Heap)/1e6, d.Before.Nodes, d.After.Nodes)
		})
	}
}

// pages measures the server while so many pages of the overview ask it, without their
// browsers, which would take the machine. The numbers come in turns, for what the streams
// take by themselves varies.
func (w weir) pages(t *testing.T, span time.Duration, numbers ...int) {
	t.Helper()
	w.cpu(t, span) // what starting took is behind it then
	used := make(map[int][]float64)
	for range 3 {
		for _, n := range numbers {
			ctx, stop := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for page := range n {
				all.Go(func() { w.asks(ctx, page) })
			}
			used[n] = append(used[n], w.cpu(t, span))
			stop()
			all.Wait()
		}
	}
	for _, n := range numbers {
		t.Logf("FIGURE %d pages: %.1f %% of a core in spans of %v", n, used[n], span)
	}
}

// asks asks for what a page of the overview does until ctx ends: the news of each second,
// the pictures of the tiles in view every 2 s, and the list every 10 s.
func (w weir) asks(ctx context.Context, page int) {
	const tiles, rest, reread = 16, 2 * time.Second, 5
	get := func(path string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.http+"/v1"+path, nil)
		if err != nil {
			return
		}
		if res, err := http.DefaultClient.Do(req); err == nil { // one that fails costs less, and is seen in the figure
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}
	go get("/events?topics=stats,streams,stream.*,output.*,recording.*,config.*,session.*")
	tick := time.NewTicker(rest / tiles)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		if n%(tiles*reread) == 0 {
			get("/streams")
		}
		get(fmt.Sprintf("/streams/live%%2Fs%03d/still", page+n%tiles))
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
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

// scrape reads the metrics ten times a second, compressed as a scraper asks for them, and
// says how long it waits for the last byte.
func (w weir) scrape(t *testing.T, span time.Duration) {
	t.Helper()
	var took []time.Duration
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.http+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	var compressed int64
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(span); time.Now().Before(until); <-tick.C {
		begun := time.Now()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		compressed, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begun).Round(100*time.Microsecond))
	}
	slices.Sort(took)
	at := func(share int) time.Duration { return took[(len(took)-1)*share/100] }
	text := w.metrics(t)
	all, most := series(text)
	t.Logf("FIGURE metrics of %d: p50=%v p95=%v p99=%v most=%v bytes=%d compressed=%d series=%d most_of_a_stream=%d",
		len(took), at(50), at(95), at(99), at(100), len(text), compressed, all, most)
}
