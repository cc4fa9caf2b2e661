//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/test/machine"
)

// crowded is a pipeline of ten edges that plays two pictures a second to nobody.
const crowded = `
  live/{name}:
    when: demanded
    linger: 1h
    stages:
      cam: {use: ingest/file, with: {path: slow.mp4}}
`

// dashboard is what dashboard.mjs saw.
type dashboard struct {
	// ms: when the page was busy for more than 50 ms, and for how long; while it was
	// opened, while figures changed, and while it was scrolled
	Opened, Steady, Scrolled               [][2]int
	Before, After                          struct{ Heap, Nodes, Listeners int }
	Tiles, Full, Pictures, Edges, Elements int
	Connection                             string
}

// look has a page of the interface open while f runs.
func look(t *testing.T, w weir, f func(), options ...string) (d dashboard) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"dashboard.mjs", "http://" + w.http}, options...)...)
	var log strings.Builder
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if lines.Scan() && lines.Text() == "open" {
		f()
		_ = in.Close()
		lines.Scan()
		err = json.Unmarshal(lines.Bytes(), &d)
	}
	if ended := cmd.Wait(); ended != nil || err != nil {
		t.Fatalf("dashboard.mjs: %v, %v\n%s", ended, err, log.String())
	}
	return d
}

// longest is the longest of tasks in ms, and how many there are.
func longest(tasks [][2]int) string {
	worst := 0
	for _, task := range tasks {
		worst = max(worst, task[1])
	}
	return fmt.Sprintf("%d/%dms", len(tasks), worst)
}

// With 200 streams and 2,000 edges the interface costs the server and the browser little,
// and the metrics stay within their bounds. What is measured depends on the machine;
// docs/performance.md says what it was on a quiet one: WEIR_SOAK=20s.
func TestDashboard(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1)
	const streams, edges = 200, 10
	span := 2 * time.Second
	if d, err := time.ParseDuration(os.Getenv("WEIR_SOAK")); err == nil {
		span = d
	}
	w := weir{http: freeAddr(t), rtmp: freeAddr(t), media: freeAddr(t), files: t.TempDir()}
	clip := exec.CommandContext(t.Context(), "ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=2", "-t", "20",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "4", "-bf", "0", "-pix_fmt", "yuv420p", filepath.Join(w.files, "slow.mp4"))
	if said, err := clip.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	pipelines := crowded
	for n := range edges {
		pipelines += fmt.Sprintf("      hls%d: {use: outputs/hls, from: cam, with: {low_latency: false}}\n", n)
	}
	w.run(t, nil, http.DefaultClient, pipelines)
	w.wake(t, streams)

	use := func(what string) func() {
		return func() { t.Logf("FIGURE dashboard cpu %s=%.1f%% of a core in %v", what, w.cpu(t, span), span) }
	}
	use("none")()
	d := look(t, w, use("overview"))
	g := look(t, w, use("graph"), "page=#/streams/live%2Fs010/graph")
	use("none")()
	for what, d := range map[string]dashboard{"overview": d, "graph": g} {
		t.Logf("FIGURE dashboard tasks of more than 50 ms: %s opened=%s steady=%s scrolled=%s heap=%.1f..%.1fMB nodes=%d..%d",
			what, longest(d.Opened), longest(d.Steady), longest(d.Scrolled), float64(d.Before.Heap)/1e6, float64(d.After.Heap)/1e6, d.Before.Nodes, d.After.Nodes)
		if d.Connection != "connection open" {
			t.Errorf("%s: the connection is %q", what, d.Connection)
		}
		if d.After.Nodes > d.Before.Nodes+d.Before.Nodes/2 || d.After.Listeners > 2*d.Before.Listeners {
			t.Errorf("%s: it grows: %+v, then %+v", what, d.Before, d.After)
		}
	}
	if d.Tiles != streams || d.Pictures == 0 || d.Full > streams/4 || g.Edges < edges {
		t.Errorf("%d tiles, %d of them filled, %d pictures, %d edges", d.Tiles, d.Full, d.Pictures, g.Edges)
	}
	w.scrape(t)
}

// wake starts streams, and waits until there is something of each.
func (w weir) wake(t *testing.T, streams int) {
	t.Helper()
	var all sync.WaitGroup
	names := make(chan int)
	for range 16 {
		all.Go(func() {
			for n := range names {
				res, err := http.Get(fmt.Sprintf("http://%s/live/s%03d/index.m3u8", w.http, n))
				if err != nil {
					t.Error(err)
					continue
				}
				res.Body.Close()
				if res.StatusCode != http.StatusOK {
					t.Errorf("stream %d: status %d", n, res.StatusCode)
				}
			}
		})
	}
	for n := range streams {
		names <- n
	}
	close(names)
	all.Wait()
}

func (w weir) metrics(t *testing.T) string {
	t.Helper()
	res, err := http.Get("http://" + w.http + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// cpu is how much of a core the server takes for as long as span. It costs the server one
// scrape, always the same.
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

// scrape reads the metrics as a scraper does, and counts their series.
func (w weir) scrape(t *testing.T) {
	t.Helper()
	var took []time.Duration
	var text string
	for range 20 {
		begun := time.Now()
		text = w.metrics(t)
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	series := make(map[string]int)
	all := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "weir_") {
			all++
			if _, rest, ok := strings.Cut(line, `pipeline="`); ok {
				name, _, _ := strings.Cut(rest, `"`)
				series[name]++
			}
		}
	}
	most := 0
	for _, n := range series {
		most = max(most, n)
	}
	t.Logf("FIGURE metrics p50=%v p95=%v bytes=%d series=%d most_of_a_stream=%d", took[10], took[18], len(text), all, most)
	if most > 60 || all > 10_000 {
		t.Errorf("%d series, %d of one stream", all, most)
	}
}
