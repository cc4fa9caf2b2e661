//go:build e2e

package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/test/machine"
)

// operating are the callers of a server's API, on connections that stay.
type operating struct {
	t    testing.TB
	http *http.Client
	root string

	mu       sync.Mutex // guards what follows
	took     []time.Duration
	statuses map[int]int
	wrong    map[string]int
}

func (s *server) operating(t testing.TB, callers int) *operating {
	t.Helper()
	return &operating{
		t: t, root: s.url() + "/v1", statuses: make(map[int]int), wrong: make(map[string]int),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers, MaxConnsPerHost: callers}, Timeout: 30 * time.Second},
	}
}

// call asks, and notes any status but the one that is wanted.
func (o *operating) call(method, path, body string, want int) (said string) {
	req, err := http.NewRequestWithContext(o.t.Context(), method, o.root+path, strings.NewReader(body))
	if err != nil {
		o.t.Error(err)
		return ""
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	began, status := time.Now(), 0
	res, err := o.http.Do(req)
	if err == nil {
		var text []byte
		text, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
		status, said = res.StatusCode, string(text)
	}
	took := time.Since(began)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.took = append(o.took, took)
	o.statuses[status]++
	if status != want || err != nil {
		o.wrong[fmt.Sprintf("%s %s: %d, not %d %.300s %v", method, path, status, want, said, err)]++
	}
	return said
}

// field is a text of an answer.
func field(said, name string) string {
	var all map[string]any
	_ = json.Unmarshal([]byte(said), &all) // a wrong answer is noted already
	text, _ := all[name].(string)
	return text
}

// round makes twenty calls of all kinds. Each n is another one: what it adds it takes
// away.
func (o *operating) round(n int, yaml string) {
	stream := fmt.Sprintf("/streams/live%%2Fs%d", n%20)
	changed := fmt.Sprintf("/streams/live%%2Fs%d/outputs", n%5)
	push := fmt.Sprintf("push-%d", n)
	o.call("GET", "/streams", "", 200)
	o.call("GET", stream, "", 200)
	o.call("GET", stream+"/graph", "", 200)
	o.call("GET", stream+"/sessions", "", 200)
	o.call("POST", changed, fmt.Sprintf(`{"name": %q, "use": "outputs/rtmp", "with": {"url": "rtmp://127.0.0.1:9/live", "key": "k"}}`, push), 201)
	o.call("GET", "/sessions", "", 200)
	o.call("POST", "/config/plan", yaml, 200)
	o.call("POST", stream+"/stages/keep/control", `{"record": false}`, 204)
	o.call("POST", changed, `{"use": "outputs/nothing"}`, 422)
	o.call("GET", changed+"/"+push, "", 200)
	token := o.call("POST", "/tokens", `{"name": "t", "scopes": ["read"]}`, 201)
	o.call("GET", "/server", "", 200)
	o.call("DELETE", changed+"/"+push, "", 204)
	o.call("DELETE", "/tokens/"+field(token, "id"), "", 204)
	o.call("GET", "/streams/live%2Fnobody", "", 404)
	o.call("POST", "/keys", `{"stream`, 400)
	o.call("GET", "/streams?limit=0", "", 422)
	o.call("GET", "/nothing", "", 404)
	o.call("GET", "/config", "", 200)
	o.call("GET", "/events/log?limit=20", "", 200)
}

// dropped is what the edges of a stream have dropped that lead to what is declared.
func (o *operating) dropped(path string) (units uint64) {
	var graph struct {
		Edges []struct {
			To      string
			Dropped struct{ Overrun, Keyless uint64 }
		}
	}
	if err := json.Unmarshal([]byte(o.call("GET", path+"/graph", "", 200)), &graph); err != nil || len(graph.Edges) == 0 {
		o.t.Errorf("the graph of %s: %v", path, err)
	}
	for _, e := range graph.Edges {
		if !strings.HasPrefix(e.To, "push-") {
			units += e.Dropped.Overrun + e.Dropped.Keyless
		}
	}
	return units
}

// Thousands of calls of all kinds (ten, with WEIR_SOAK=1) at full speed, with twenty streams and a reader on each:
// no reader misses a frame, no edge drops a unit, and nothing is left behind.
func TestManyCalls(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1.3)
	const streams, callers = 20, 8
	calls := int64(2000)
	if soak() {
		calls = 10_000
	}
	dir := t.TempDir()
	s := start(t, fmt.Sprintf(`
server:
  http: {listen: "127.0.0.1:0", per_address: 1000}
  rtmp: {listen: "127.0.0.1:0"}
  log: {format: json, level: error}
  outgoing: {allow: [127.0.0.1]}
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: %q, grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 6}}
      keep: {use: record, from: cam, with: {store: {dir: %q}, spool: %q, start: manual}}
`, key, filepath.Join(dir, "store"), filepath.Join(dir, "spool")))
	publishers, viewers := make([]*publisher, streams), make([]*viewer, streams)
	var playing sync.WaitGroup
	var done atomic.Bool
	for i := range streams {
		path := fmt.Sprintf("live/s%d", i)
		publishers[i], viewers[i] = s.publish(t, path), s.watch(t, path)
		st := newStream(t, uint32(i+1), h264(t, 640, 360), aac(t, 48000))
		playing.Go(func() {
			for !done.Load() && !t.Failed() {
				publishers[i].play(st, time.Second)
			}
		})
	}
	defer playing.Wait()
	defer done.Store(true)
	for i := range streams {
		s.await(t, fmt.Sprintf("live/s%d", i), 6) // playlists grow no more
	}
	o := s.operating(t, callers)
	text, err := json.Marshal(map[string]string{"yaml": field(o.call("GET", "/config", "", 200), "yaml")})
	if err != nil {
		t.Fatal(err)
	}
	o.round(0, string(text)) // what is made once
	before, reachable := s.usage(), s.live()
	for range 3 { // streams run: what they have just let go of counts, too
		reachable = min(reachable, s.live())
	}
	cpu := s.cpu()
	pause(t, 2*time.Second)
	idle := (s.cpu() - cpu).Seconds() / 2

	began := time.Now()
	cpu = s.cpu()
	o.took = nil
	var next atomic.Int64
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			for n := next.Add(1); n <= calls/20; n = next.Add(1) {
				o.round(int(n), string(text))
			}
		})
	}
	calling.Wait()
	lasted, used := time.Since(began), (s.cpu() - cpu).Seconds()
	slices.Sort(o.took)
	made, p50, p99 := len(o.took), o.took[len(o.took)/2], o.took[len(o.took)*99/100]
	o.http.CloseIdleConnections()
	after, grown, asked := s.settles(20*time.Second, before), s.live()-reachable, time.Now()
	for grown > 16<<20 && time.Since(asked) < 20*time.Second {
		grown = min(grown, s.live()-reachable)
	}
	var dropped uint64
	for i := range streams {
		dropped += o.dropped(fmt.Sprintf("/streams/live%%2Fs%d", i))
	}
	done.Store(true)
	playing.Wait()
	frames, lost := 0, 0
	for i := range streams {
		publishers[i].close()
		viewers[i].end(20 * time.Second)
		video, audio := whole(t, publishers[i], viewers[i], true)
		frames += video.got + audio.got
		lost += len(video.lost) + len(audio.lost)
	}
	for what, n := range o.wrong {
		t.Errorf("%d times: %s", n, what)
	}
	if dropped > 0 || int64(made) < calls {
		t.Errorf("%d units dropped at edges during %d calls", dropped, made)
	}
	if grown > 16<<20 {
		t.Errorf("%.1f MB more are reachable", mb(grown))
	}
	figure(t, "api-calls", "calls=%d streams=%d readers=%d callers=%d calls_per_s=%.0f cpu=%.2fms/call (idle %.2f cores) p50=%v p99=%v statuses=%v frames=%d lost=%d dropped=%d before: %v, after: %v, reachable_heap: delta=%.1fMB",
		made, streams, streams, callers, float64(made)/lasted.Seconds(), (used-idle*lasted.Seconds())*1e3/float64(made), idle, p50, p99, o.statuses, frames, lost, dropped, before, after, mb(grown))
}
