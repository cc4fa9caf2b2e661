//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
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

// many is a server with so many streams, each of two pictures a second and with so many
// outputs that nobody watches.
func many(t *testing.T, streams, outputs int) weir {
	t.Helper()
	w := weir{http: freeAddr(t), rtmp: freeAddr(t), media: freeAddr(t), files: t.TempDir()}
	clip := exec.CommandContext(t.Context(), "ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=2", "-t", "20",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "4", "-bf", "0", "-pix_fmt", "yuv420p", filepath.Join(w.files, "slow.mp4"))
	if said, err := clip.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	pipelines := crowded
	for n := range outputs {
		pipelines += fmt.Sprintf("      hls%d: {use: outputs/hls, from: cam, with: {low_latency: false}}\n", n)
	}
	w.run(t, nil, http.DefaultClient, pipelines)
	w.wake(t, streams)
	return w
}

// graphPage shows the graph of one of the streams.
const graphPage = "page=#/streams/live%2Fs010/graph"

// With 200 streams and 2,000 edges the interface shows what is in view and holds no more
// from second to second, and the metrics stay within their bounds.
func TestDashboard(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1)
	const streams, edges = 200, 10
	w := many(t, streams, edges)
	soon := func() { <-time.After(2 * time.Second) } // figures have changed
	d, g := look(t, w, soon), look(t, w, soon, graphPage)
	for what, d := range map[string]dashboard{"overview": d, "graph": g} {
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
	if all, most := series(w.metrics(t)); most > 60 || all > 10_000 {
		t.Errorf("%d series, %d of one stream", all, most)
	}
}

// wake starts streams, and waits until there is something of each.
func (w weir) wake(t *testing.T, streams int) {
	t.Helper()
	var all sync.WaitGroup
	names := make(chan int)
	for range streams { // each is there with its first segment
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

// series counts the series of a scrape, and those of the stream that has most.
func series(text string) (all, most int) {
	of := make(map[string]int)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "weir_") {
			all++
			if _, rest, ok := strings.Cut(line, `pipeline="`); ok {
				name, _, _ := strings.Cut(rest, `"`)
				of[name]++
				most = max(most, of[name])
			}
		}
	}
	return all, most
}
