//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/service/httpd"
	"weir/web"
)

// picturesIn is the variable that says where pictures of the pages go.
const picturesIn = "WEIR_SCREENSHOTS"

// hostile is a text that a peer may have chosen. It is left out of screenshots.
var hostile = func() string {
	if os.Getenv(picturesIn) != "" {
		return ""
	}
	return `"><img src=x onerror="window.pwned=1">`
}()

type object = map[string]any

// fakeAPI answers like the API, from what it is told and has made up: what the pages show
// can be tested without media, and in states that are hard to bring about.
type fakeAPI struct {
	media string // a directory with still.mp4 and a recording
	setup bool   // wants its first user

	mu         sync.Mutex // guards what follows
	streams    []object
	outputs    []object
	recordings []object
	webhooks   []object
	tokens     []object
	asked      []string // methods and paths of what changes something
	bodies     []string
	yaml       string
	beat       int
}

func newFake(t *testing.T, streams int, setup bool) (*fakeAPI, string) {
	t.Helper()
	f := &fakeAPI{media: t.TempDir(), setup: setup, yaml: "pipelines:\n  live/{name}:\n    stages:\n      cam: {use: ingest/rtmp}\n"}
	for _, words := range [][]string{
		{"-frames:v", "1", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "still.mp4"},
		{"-t", "6", "-hls_segment_type", "fmp4", "-hls_playlist_type", "vod", "-hls_time", "2", "index.m3u8"},
	} {
		cmd := exec.CommandContext(t.Context(), "ffmpeg", slices.Concat([]string{
			"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-pix_fmt", "yuv420p",
		}, words)...)
		cmd.Dir = f.media
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
	}
	for i := range streams {
		f.streams = append(f.streams, stream(i))
	}
	f.recordings = []object{
		recording("01HREC1", "live/studio", "complete", 3700, object{"state": "complete"}),
		recording("01HREC2", "live/studio", "recording", 60, nil),
		recording("01HREC3", "live/evening", "complete", 1800, nil),
	}
	f.webhooks = []object{{"id": "wh1", "url": "https://example.net/" + hostile, "events": []string{"stream.*"}}}
	f.tokens = []object{{"id": "tk1", "name": "ci " + hostile, "scopes": []string{"read"}}}

	p, err := pipeline.ParsePattern("live/{name}")
	if err != nil {
		t.Fatal(err)
	}
	site := web.New()
	if !site.Built() {
		t.Fatal("the pages are not built; make web")
	}
	pages := httpd.New(httpd.Config{})
	pages.Handle("/", site.Home())
	pages.Handle("/setup", site.Home())
	pages.Handle("/assets/", site.Assets())
	pages.Mount(httpd.Mount{Pattern: p, Leaves: []string{""}, Serve: site.Watch})
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	f.routes(mux)
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return f, srv.URL
}

func stream(i int) object {
	s := object{
		"path": fmt.Sprintf("live/s%03d", i), "pipeline": "live/{name}", "state": "running", "since": ago(time.Hour), "viewers": i, "bitrate": 3_000_000 + 1000*i,
		"summary": "H.264 High 1080p30 + AAC 48 kHz", "verdict": "ok", "findings": []object{}, "outputs": []object{}, "recording": false,
		"has_still": true, "watch": []string{"webrtc", "hls"}, "publish": true,
	}
	switch i {
	case 0:
		s["path"], s["recording"], s["verdict"] = "live/studio", true, "warning"
		s["findings"] = []object{{"rule": "keyframe_interval_high", "severity": "warning", "message": "Key frames come every 4.2 s; YouTube wants 2 s " + hostile, "fix": "Settings → Output → Keyframe interval = 2 s"}}
	case 1:
		s["path"], s["verdict"], s["state"], s["has_still"] = "live/evening", "error", "lingering", false
		s["findings"] = []object{{"rule": "audio_missing", "severity": "error", "message": "There is no sound.", "fix": "Add a sound source."}}
	case 2:
		s["summary"] = "H.264 Main 720p30 " + hostile
	}
	return s
}

func recording(id, stream, state string, seconds float64, export any) object {
	r := object{"id": id, "stream": stream, "state": state, "started_at": ago(3 * time.Hour), "seconds": seconds, "bytes": int(seconds) * 600_000, "store": "local " + hostile, "prefix": "x/", "segments": 3}
	if export != nil {
		r["export"] = export
	}
	return r
}

func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object{"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail})
}

func items(all []object) object {
	if all == nil {
		all = []object{}
	}
	return object{"items": all}
}

// routes adds what the pages ask for.
func (f *fakeAPI) routes(mux *http.ServeMux) {
	on := func(pattern string, answer func(r *http.Request, body object) (int, any)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /v1"+path, func(w http.ResponseWriter, r *http.Request) {
			body := object{}
			_ = json.NewDecoder(r.Body).Decode(&body) // none is an empty one
			f.mu.Lock()
			defer f.mu.Unlock()
			if r.Method != http.MethodGet {
				text, _ := json.Marshal(body)
				f.asked, f.bodies = append(f.asked, r.Method+" "+r.URL.EscapedPath()), append(f.bodies, string(text))
			}
			status, out := answer(r, body)
			if said, ok := out.(string); ok {
				refuse(w, status, "refused", said)
				return
			}
			reply(w, status, out)
		})
	}
	is := func(status int, body any) func(*http.Request, object) (int, any) {
		return func(*http.Request, object) (int, any) { return status, body }
	}
	f.entrance(on)
	f.ofStreams(on, is)
	f.ofRecordings(on)
	f.ofSettings(on)
	on("GET /events/log", is(200, items([]object{
		{"id": "e2", "type": "output.state", "timestamp": ago(time.Minute), "stream": "live/studio", "stage": "tube", "data": object{"reason": hostile}},
		{"id": "e1", "type": "stream.started", "timestamp": ago(time.Hour), "stream": "live/studio"},
	})))
	on("GET /webhooks", func(*http.Request, object) (int, any) { return 200, items(f.webhooks) })
	on("POST /webhooks", func(_ *http.Request, body object) (int, any) {
		body["id"] = fmt.Sprintf("wh%d", len(f.webhooks)+1)
		f.webhooks = append(f.webhooks, body)
		return 201, object{"id": body["id"], "url": body["url"], "events": body["events"], "secret": "whsec_abc"}
	})
	on("POST /webhooks/{id}/test", is(202, object{}))
	on("GET /webhooks/{id}/deliveries", is(200, items([]object{{"event_id": "d1", "type": "webhook.test", "at": ago(time.Minute), "state": "retrying", "attempt": 2, "error": hostile}})))
	on("GET /users", is(200, items([]object{{"id": "admin", "scope": "admin", "declared": true}, {"id": "ann", "scope": "operate"}})))
	on("GET /tokens", func(*http.Request, object) (int, any) { return 200, items(f.tokens) })
	on("POST /tokens", func(_ *http.Request, body object) (int, any) {
		body["id"] = "tk2"
		f.tokens = append(f.tokens, body)
		return 201, object{"id": "tk2", "name": body["name"], "scopes": body["scopes"], "secret": "weir_abcdef"}
	})
	on("GET /keys", is(200, items([]object{{"id": "k1", "stream": "live/studio", "name": "obs", "expires": ago(-time.Hour)}})))
	mux.HandleFunc("GET /v1/streams/{stream}/still", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp4")
		http.ServeFile(w, r, filepath.Join(f.media, "still.mp4"))
	})
	mux.HandleFunc("GET /v1/recordings/{id}/media/{file}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(f.media, filepath.Base(r.PathValue("file"))))
	})
	mux.HandleFunc("GET /v1/config/schema", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/schema+json")
		http.ServeFile(w, r, "../../configs/weir.schema.json")
	})
	mux.HandleFunc("GET /v1/events", f.events)
}

type route func(pattern string, answer func(r *http.Request, body object) (int, any))

func (f *fakeAPI) entrance(on route) {
	on("GET /session", func(r *http.Request, _ object) (int, any) {
		if f.setup {
			return 401, "Sign in."
		}
		return 200, object{"name": "admin " + hostile, "scope": "admin"}
	})
	on("POST /session", func(_ *http.Request, body object) (int, any) {
		if body["password"] != "correct horse" {
			return 401, "User and password do not fit together."
		}
		f.setup = false
		return 200, object{"name": body["user"], "scope": "admin"}
	})
	on("DELETE /session", func(*http.Request, object) (int, any) {
		f.setup = true
		return 200, object{}
	})
	on("POST /setup", func(_ *http.Request, body object) (int, any) {
		if body["token"] != "one-time" {
			return 403, "The token is not the one that the server printed."
		}
		f.setup = false
		return 201, object{"name": "user:admin", "scope": "admin"}
	})
	on("GET /server", func(*http.Request, object) (int, any) {
		return 200, object{"version": "test", "started_at": ago(time.Hour), "setup_needed": false, "writable": true, "addresses": []object{
			{"name": "http", "protocol": "http", "address": ":8080"}, {"name": "rtmp", "protocol": "RTMP", "address": "[::]:1936"},
		}}
	})
}

func (f *fakeAPI) ofStreams(on route, is func(int, any) func(*http.Request, object) (int, any)) {
	on("GET /pipelines", is(200, items([]object{{"id": "live/{name}", "when": "published", "stages": []object{
		{"name": "cam", "use": "ingest/rtmp"}, {"name": "web", "use": "ingest/whip"},
	}, "streams": []string{"live/studio"}}})))
	on("GET /streams", func(*http.Request, object) (int, any) { return 200, items(f.streams) })
	on("GET /streams/{stream}", func(r *http.Request, _ object) (int, any) {
		for _, s := range f.streams {
			if s["path"] == r.PathValue("stream") {
				return 200, s
			}
		}
		return 404, "There is no such stream."
	})
	on("GET /streams/{stream}/graph", func(r *http.Request, _ object) (int, any) { return 200, f.graph(r.PathValue("stream")) })
	on("GET /platforms", is(200, items([]object{
		{"name": "youtube", "title": "YouTube", "checked_on": "2026-10-04", "source": "support.google.com", "url": "rtmps://a.rtmps.youtube.com:443/live2", "needs_key": true},
		{"name": "twitch", "title": "Twitch", "checked_on": "2026-10-04", "source": "help.twitch.tv", "url": "rtmps://ingest.example/app", "needs_key": true},
		{"name": "custom", "title": "Another server", "checked_on": "", "source": "", "url": "", "needs_key": false},
	})))
	on("GET /streams/{stream}/outputs", func(*http.Request, object) (int, any) { return 200, items(f.outputs) })
	on("POST /streams/{stream}/outputs/check", func(*http.Request, object) (int, any) {
		return 200, object{"seconds": 9.5, "judged": true, "via": []object{}, "findings": []object{
			{"rule": "keyframe_interval_high", "severity": "warning", "message": "Key frames are 4.2 s apart", "fix": "OBS: Settings → Output → Keyframe interval = 2 s " + hostile},
		}}
	})
	on("POST /streams/{stream}/outputs", func(_ *http.Request, body object) (int, any) {
		with, _ := body["with"].(object)
		if with["key"] == "wrong" {
			return 422, "The key is none of this platform's. " + hostile
		}
		with["key"] = "***"
		o := object{"name": "push-1", "use": body["use"], "origin": "added", "persistent": true, "stopped": false, "state": "running", "with": with, "message": hostile, "findings": []object{}}
		f.outputs = append(f.outputs, o)
		return 201, o
	})
	stopped := func(to bool) func(*http.Request, object) (int, any) {
		return func(*http.Request, object) (int, any) {
			f.outputs[0]["stopped"] = to
			return 200, f.outputs[0]
		}
	}
	on("POST /streams/{stream}/outputs/{name}/stop", stopped(true))
	on("POST /streams/{stream}/outputs/{name}/start", stopped(false))
	on("PATCH /streams/{stream}/outputs/{name}", is(200, object{}))
	on("DELETE /streams/{stream}/outputs/{name}", func(*http.Request, object) (int, any) {
		f.outputs = nil
		return 200, object{}
	})
	on("GET /streams/{stream}/sessions", is(200, items([]object{
		{"id": "p1", "stage": "cam", "protocol": "rtmp", "remote": "203.0.113.4:1234", "agent": hostile, "subject": "", "since": ago(time.Hour), "bytes": 123456789, "bitrate": 5900000, "publisher": true},
		{"id": "v1", "stage": "watch", "protocol": "webrtc", "remote": "203.0.113.5:1234", "agent": "Mozilla/5.0", "subject": "", "since": ago(time.Minute), "bytes": 3456789, "bitrate": 2900000, "publisher": false},
	})))
	on("DELETE /streams/{stream}/sessions/{session}", is(200, object{}))
	on("POST /streams/{stream}/links", is(200, object{"url": "/live/studio?token=abc", "expires_at": ago(-time.Hour), "embed_html": "<iframe></iframe>"}))
	on("POST /streams/{stream}/stages/{stage}/control", is(200, object{}))
}

func (f *fakeAPI) ofRecordings(on route) {
	on("GET /recordings", func(r *http.Request, _ object) (int, any) {
		return 200, items(slices.DeleteFunc(slices.Clone(f.recordings), func(o object) bool {
			return r.FormValue("stream") != "" && o["stream"] != r.FormValue("stream")
		}))
	})
	set := func(on bool) func(*http.Request, object) (int, any) {
		return func(*http.Request, object) (int, any) {
			f.streams[0]["recording"] = on
			return 201, object{}
		}
	}
	on("POST /streams/{stream}/recordings", set(true))
	on("POST /streams/{stream}/recordings/stop", set(false))
	on("POST /recordings/{id}/export", func(*http.Request, object) (int, any) { return 202, object{} })
	on("DELETE /recordings/{id}", func(r *http.Request, _ object) (int, any) {
		f.recordings = slices.DeleteFunc(f.recordings, func(o object) bool { return o["id"] == r.PathValue("id") })
		return 200, object{}
	})
}

func (f *fakeAPI) ofSettings(on route) {
	problems := func(body object) []object {
		text, _ := body["yaml"].(string)
		for i, line := range strings.Split(text, "\n") {
			if at := strings.Index(line, "ingest/rtpm"); at >= 0 {
				return []object{{"line": i + 1, "column": at + 1, "message": `there is no stage type "ingest/rtpm" ` + hostile, "hint": `did you mean "ingest/rtmp"?`, "excerpt": line}}
			}
		}
		return []object{}
	}
	changes := []object{{"pipeline": "live/{name}", "change": "1 stage starts (a2), 1 untouched", "restarts": 1, "untouched": 1}}
	on("GET /config", func(*http.Request, object) (int, any) {
		return 200, object{"yaml": f.yaml, "name": "weir.yaml", "writable": true, "version": len(f.yaml)}
	})
	on("GET /config/export", func(*http.Request, object) (int, any) { return 200, object{"yaml": f.yaml} })
	on("POST /config/validate", func(_ *http.Request, body object) (int, any) { return 200, object{"problems": problems(body)} })
	on("POST /config/plan", func(_ *http.Request, body object) (int, any) {
		return 200, object{"changes": changes, "problems": problems(body)}
	})
	on("PUT /config", func(_ *http.Request, body object) (int, any) {
		f.yaml, _ = body["yaml"].(string)
		return 200, object{"changes": changes, "version": 2}
	})
	on("GET /config/history", func(*http.Request, object) (int, any) {
		return 200, items([]object{{"version": "v2", "at": ago(time.Hour), "by": "user:admin", "in_force": true}, {"version": "v1", "at": ago(2 * time.Hour), "by": "file"}})
	})
	on("POST /config/revert", func(*http.Request, object) (int, any) { return 200, object{"version": 3} })
}

// graph is that of a studio, or of live/s010 one with as much as is ever drawn.
func (f *fakeAPI) graph(path string) object {
	nodes, edges := []object{}, []object{}
	node := func(column int, name, use string, more object) {
		n := object{"name": name, "use": use, "role": "processor", "inserted": false, "state": "running", "since": ago(time.Hour), "viewers": 0, "restarts": 0, "column": column}
		for k, v := range more {
			n[k] = v
		}
		nodes = append(nodes, n)
	}
	edge := func(from, to string, bitrate int, more object) {
		e := object{"from": from, "from_port": "out", "to": to, "port": "in", "fps": 30, "units_per_second": 76.9, "bitrate": bitrate + f.beat%7*1000, "queue_seconds": 0.04,
			"queued": 2, "units": 1000 + f.beat, "bytes": 1_000_000, "dropped": object{"overrun": 0, "keyless": 0}, "dropping": false, "stalled": false}
		for k, v := range more {
			e[k] = v
		}
		edges = append(edges, e)
	}
	if path == "live/s010" {
		for c := range 10 {
			for r := range 10 {
				node(c, fmt.Sprintf("n%d-%d", c, r), "pipeline/relay", nil)
			}
		}
		for i := range 2000 {
			c, a, b := i%9, i/9%10, i/90%10
			edge(fmt.Sprintf("n%d-%d", c, a), fmt.Sprintf("n%d-%d", c+1, b), 1_000_000+1000*i, object{"port": fmt.Sprintf("in%d", i/900)})
		}
		return object{"path": path, "pattern": "live/{name}", "live": true, "nodes": nodes, "edges": edges}
	}
	node(0, "cam", "ingest/rtmp", object{"tracks": []object{{"id": "video", "kind": "video", "codec": "H.264", "summary": "H.264 High 1080p30"}, {"id": "audio", "kind": "audio", "codec": "AAC", "summary": "AAC 48 kHz"}}, "detail": object{"agent": hostile}})
	node(0, "guest", "ingest/whip", nil)
	node(1, "mix", "transcode/mixer", object{"detail": object{
		"layout": "two", "speaker": "guest", "layouts": []string{"auto", "grid", "speaker", "side_by_side", "picture_in_picture"},
		"participants": []object{{"name": "cam", "state": "shown", "gain": -3}, {"name": "guest", "state": "stalled", "mute": true, "label": hostile}},
		"scenes":       object{"two": object{"boxes": []object{{"input": "cam", "x": 0, "y": 0, "width": 60, "height": 60}, {"speaker": true, "x": 65, "y": 55, "width": 30, "height": 30, "z": 2}}}},
	}})
	node(2, "aac-to-opus", "transcode/audio", object{"inserted": true, "why": "watch takes Opus only"})
	node(3, "watch", "outputs/whep", object{"viewers": 12})
	node(2, "hls", "outputs/hls", object{"viewers": 40})
	node(2, "tube", "outputs/rtmp", object{"state": "waiting", "problem": object{"kind": "remote", "message": "the server refused the key " + hostile}})
	node(2, "rec", "record", nil)
	edge("cam", "mix", 5_800_000, nil)
	edge("guest", "mix", 0, object{"fps": 0, "units_per_second": 0, "stalled": true, "why": "nothing for 4 s"})
	edge("mix", "aac-to-opus", 128_000, nil)
	edge("mix", "watch", 4_100_000, nil)
	edge("aac-to-opus", "watch", 96_000, nil)
	edge("mix", "hls", 4_200_000, nil)
	edge("mix", "tube", 4_200_000, object{"dropping": true, "dropped": object{"overrun": 31, "keyless": 2}, "queue_seconds": 2.1})
	edge("mix", "rec", 4_200_000, nil)
	return object{"path": path, "pattern": "live/{name}", "live": true, "nodes": nodes, "edges": edges}
}

// events tells once a second of all streams, and of the graph that is asked for.
func (f *fakeAPI) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flow := http.NewResponseController(w)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	say := func(kind, stream string, data any) {
		text, _ := json.Marshal(object{"id": fmt.Sprint(time.Now().UnixNano()), "type": kind, "timestamp": ago(0), "stream": stream, "data": data})
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, text)
	}
	for {
		f.mu.Lock()
		f.beat++
		var all []object
		for i, s := range f.streams {
			all = append(all, object{"path": s["path"], "viewers": i + f.beat%9, "bitrate": 3_000_000 + 1000*((i+f.beat)%99)})
		}
		for _, topic := range strings.Split(r.FormValue("topics"), ",") {
			if path, ok := strings.CutPrefix(topic, "graph:"); ok {
				g := f.graph(path)
				say(topic, path, object{"whole": false, "path": path, "live": true, "nodes": []object{}, "edges": g["edges"]})
			}
		}
		f.mu.Unlock()
		say("stats", "", object{"streams": all})
		if flow.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// did gives the bodies of what was asked with a method and a path.
func (f *fakeAPI) did(what string) (bodies []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, asked := range f.asked {
		if asked == what {
			bodies = append(bodies, f.bodies[i])
		}
	}
	return bodies
}

// screenshots is the option that says where pictures of the pages go: none for nowhere.
func screenshots(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv(picturesIn)
	if dir == "" {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"shots=" + dir}
}
