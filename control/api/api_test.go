package api_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/control/api"
	"weir/control/desired"
	"weir/control/observe"
	"weir/control/rest"
	"weir/control/rest/resttest"
	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

const yaml = `pipelines:
  live/{name}:
    stages:
      cam: {use: test/source}
      watch: {use: test/sink, from: cam}
      push: {use: test/push, from: cam, with: {url: "rtmp://a/b", key: s3cr3t}}
  always:
    when: always
    stages:
      cam: {use: test/idle}
      watch: {use: test/sink, from: cam}
`

type pushConfig struct {
	URL string          `yaml:"url" doc:"Where to."`
	Key pipeline.Secret `yaml:"key" doc:"The key."`
}

func (c *pushConfig) Validate() error {
	if c.URL == "" {
		return pipeline.Fieldf("url", "nothing says where to").WithHint("write rtmp://host/app")
	}
	return nil
}

// Examine implements pipeline.Examiner: it is about how much has come.
func (c *pushConfig) Examine(set *media.TrackSet, units []*media.Unit) []pipeline.Finding {
	return []pipeline.Finding{{Rule: "open_gop", Severity: pipeline.Wrong, Message: fmt.Sprint(set.Tracks[0].Codec, " ", len(units)), Fix: c.URL}}
}

// puppet is a sink that can be told things and shows the last one.
type puppet struct {
	mu   sync.Mutex
	told string
}

func (p *puppet) Run(ctx context.Context, ports *pipeline.Ports) error {
	for {
		if _, err := ports.In("in").Recv(ctx); err != nil {
			return nil
		}
	}
}

func (p *puppet) Control(body []byte) error {
	if strings.Contains(string(body), "wrong") {
		return errors.New("that is wrong")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = string(body)
	return nil
}

func (p *puppet) Describe() any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]any{"told": p.told}
}

// Report says that it records if it was told to, and finds fault with the stream.
func (p *puppet) Report() pipeline.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := pipeline.Report{State: "connected", Findings: []pipeline.Finding{{Rule: "open_gop", Severity: pipeline.Doubtful, Message: "m", Fix: "f"}}}
	if strings.Contains(p.told, `"record":true`) {
		r.State = "recording"
	}
	return r
}

// house is a server with everything but protocols.
type house struct {
	t       *testing.T
	host    *instance.Host
	desired *desired.Desired
	api     *rest.API
	feed    chan media.Item
	kept    stagetest.Collector
	wake    func(string) error
	path    string
	tapes   *tapes
	caller  *rest.Caller // who asks; nil is this machine
	quota   func(count func(func(string) bool) int) error
}

// Identify implements rest.Guard.
func (h *house) Identify(r *http.Request) (*rest.Caller, error) {
	if h.caller != nil {
		return h.caller, nil
	}
	return resttest.Loopback{}.Identify(r)
}

type announced struct {
	pipeline.Factory
	announce func(pipeline.Announcement) (func(), error)
}

func (a announced) Announce(n pipeline.Announcement) (func(), error) { return a.announce(n) }

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, feed: make(chan media.Item), path: filepath.Join(t.TempDir(), "weir.yaml"), tapes: &tapes{}}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	sink := pipeline.Spec{Type: "test/push", Role: pipeline.Sink, In: []pipeline.Port{{Name: "in"}}, Doc: "pushes", Reach: []string{"url"}}
	push := pipeline.Define[pushConfig](sink, func() pushConfig { return pushConfig{} },
		func(pushConfig, pipeline.Env) (pipeline.Stage, error) { return new(puppet), nil })
	sink.Type, sink.Reach = "test/record", []string{"store.dir"}
	record := pipeline.Define[stagetest.NoConfig](sink, func() stagetest.NoConfig { return stagetest.NoConfig{} },
		func(stagetest.NoConfig, pipeline.Env) (pipeline.Stage, error) { return new(puppet), nil })
	idle := stagetest.Stage(pipeline.Spec{Type: "test/idle", Role: pipeline.Source},
		func(ctx context.Context, _ *pipeline.Ports) error { <-ctx.Done(); return nil })
	source := announced{stagetest.Source(nil, h.feed), func(a pipeline.Announcement) (func(), error) {
		if a.Pattern.String() == "live/{name}" {
			h.wake = a.Wake
		}
		return func() {}, nil
	}}
	reg, err := pipeline.NewRegistry(source, idle, h.kept.Factory(), push, record)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	h.host = instance.NewHost(instance.Options{Log: log})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := h.host.Drain(ctx); err != nil {
			t.Error(err)
		}
	})
	h.desired, err = desired.New(desired.Options{
		Name: "weir.yaml", Path: h.path, State: desired.StateFile(strings.TrimSuffix(h.path, ".yaml")), Registry: reg, Log: log,
		Read: func() ([]byte, error) { return os.ReadFile(h.path) }, Env: os.LookupEnv, Apply: h.host.Apply,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.desired.Begin(); err != nil {
		t.Fatal(err)
	}
	h.api = rest.New("1.2.3", h)
	api.Register(h.api, api.Options{
		Version: "1.2.3", Started: time.Now(), Host: h.host, Desired: h.desired, Registry: reg, Log: log,
		Observer: observe.New(h.host.Snapshots, observe.Ways{
			Watch: []observe.Way{{Use: "test/sink", Name: "hls"}}, Publish: []string{"test/source"},
		}, observe.NewLog()),
		Addresses: func() []api.Address { return []api.Address{{Name: "http", Protocol: "HTTP", Address: ":8080"}} },
		Limits:    func() []api.Limit { return []api.Limit{{Limit: "streams", Current: 1, Max: 1000}} },
		Recorder:  h.tapes, Archive: h.tapes,
		Quota: func(_ *rest.Caller, _ string, count func(func(string) bool) int) error {
			if h.quota == nil {
				return nil
			}
			return h.quota(count)
		},
	})
	return h
}

func (h *house) ask(method, url string, body any, headers ...string) *resttest.Answer {
	h.t.Helper()
	return resttest.Ask(h.t, h.api, method, "/v1"+url, body, headers...)
}

// publish starts live/studio with a picture.
func (h *house) publish() *media.Track {
	h.t.Helper()
	if err := h.wake("live/studio"); err != nil {
		h.t.Fatal(err)
	}
	track := &media.Track{
		ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: 90000, Config: avcc,
		Layers: []media.Layer{{Width: 1920, Height: 1080, FPS: 30}},
	}
	h.feed <- &media.TrackSet{Version: 1, Tracks: []*media.Track{track}}
	return track
}

func (h *house) send(track *media.Track, n int) {
	at := media.Ticks(n * 3000)
	h.feed <- &media.Unit{Track: track, DTS: at, PTS: at, Arrived: time.Now(), Flags: media.Key | media.FrameEnd, Access: [][]byte{{0x65, 1, 2, 3}}}
}

// avcc is a decoder configuration with one SPS and one PPS.
var avcc = []byte{1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0xc0, 0x1e, 1, 0, 2, 0x68, 0xce}

// eventually waits for something that another goroutine is about to do.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatal("it never happened: ", what)
}

type object = map[string]any

func items(a *resttest.Answer) []object {
	var page struct{ Items []object }
	a.Into(&page)
	return page.Items
}

func TestWhatThereIs(t *testing.T) {
	h := newHouse(t)
	var server object
	h.ask("GET", "/server", nil).Status(200).Into(&server)
	if server["version"] != "1.2.3" || server["writable"] != true || server["setup_needed"] != false {
		t.Error(server)
	}
	for url, least := range map[string]int{"/nodes": 1, "/platforms": 4, "/stages": 5, "/pipelines": 2, "/streams": 1} {
		if got := items(h.ask("GET", url, nil).Status(200)); len(got) < least {
			t.Errorf("%s: %v", url, got)
		}
	}
	var p object
	h.ask("GET", "/pipelines/live%2F%7Bname%7D", nil).Status(200).Into(&p)
	if p["id"] != "live/{name}" || len(p["stages"].([]any)) != 3 {
		t.Error(p)
	}
	h.ask("GET", "/pipelines/other", nil).Problem(404, "no_pipeline")
	h.ask("GET", "/config/schema", nil).Status(200)
	h.ask("GET", "/nothing", nil).Status(404)
}

func TestStreams(t *testing.T) {
	h := newHouse(t)
	h.ask("GET", "/streams/live%2Fstudio", nil).Problem(404, "stream_offline")
	h.ask("GET", "/streams/live%2Fstudio/still", nil).Problem(404, "no_picture")
	h.ask("DELETE", "/streams/live%2Fstudio", nil).Problem(404, "stream_offline")
	h.ask("DELETE", "/streams/always", nil).Problem(409, "always_runs")
	track := h.publish()
	h.send(track, 0)
	eventually(t, "the picture is there", func() bool { return len(h.kept.Units()) == 1 })
	var s api.Stream
	h.ask("GET", "/streams/live%2Fstudio", nil).Status(200).Into(&s)
	if s.Pipeline != "live/{name}" || s.Summary != observe.TrackSummary(track) || !s.HasStill || !s.Publish || fmt.Sprint(s.Watch) != "[hls]" || len(s.Outputs) != 2 || s.Verdict != "warning" || len(s.Stages) != 3 {
		t.Errorf("%+v", s)
	}
	if got := items(h.ask("GET", "/streams?stages=true&limit=1", nil).Status(200)); len(got) != 1 || got[0]["path"] != "always" {
		t.Error(got)
	}
	var stage observe.Stage
	h.ask("GET", "/streams/live%2Fstudio/stages/cam", nil).Status(200).Into(&stage)
	if stage.Role != "source" || len(stage.Tracks) != 1 || stage.Tracks[0].Layers[0].Height != 1080 || stage.Tracks[0].Codec != "H.264" {
		t.Errorf("%+v", stage)
	}
	h.ask("GET", "/streams/live%2Fstudio/stages/nobody", nil).Problem(404, "no_stage")

	still := h.ask("GET", "/streams/live%2Fstudio/still", nil).Status(200)
	if !strings.Contains(still.Body.String(), "avcC") || still.Header().Get("Content-Type") != "video/mp4" {
		t.Errorf("%q", still.Body)
	}
	h.ask("GET", "/streams/live%2Fstudio/still", nil, "If-None-Match", still.Header().Get("ETag")).Status(304)

	h.ask("POST", "/streams/live%2Fstudio/stages/push/control", object{"scene": "b"}).Status(204)
	h.ask("POST", "/streams/live%2Fstudio/stages/push/control", object{"wrong": 1}).Problem(422, "refused_by_stage")
	h.ask("POST", "/streams/live%2Fstudio/stages/watch/control", object{}).Problem(409, "no_control")
	h.ask("POST", "/streams/live%2Fstudio/stages/nobody/control", object{}).Problem(404, "no_stage")
	h.ask("POST", "/streams/live%2Fnobody/stages/push/control", object{}).Problem(404, "stream_offline")
	h.ask("GET", "/streams/live%2Fstudio/stages/push", nil).Status(200).Into(&stage)
	if d, _ := stage.Detail.(object); d["told"] != `{"scene":"b"}` {
		t.Error(stage.Detail)
	}
	h.ask("DELETE", "/streams/live%2Fstudio", nil).Status(204)
	eventually(t, "the stream ends", func() bool { _, ok := h.host.Snapshot("live/studio"); return !ok })
}

const (
	outputs = "/streams/live%2Fstudio/outputs"
	more    = outputs + "/more"
)

func TestOutputs(t *testing.T) {
	h := newHouse(t)
	if got := items(h.ask("GET", outputs, nil).Status(200)); len(got) != 2 || got[0]["state"] != "offline" || got[0]["with"].(object)["key"] != "***" {
		t.Error(got)
	}
	want := object{"name": "more", "use": "test/push", "with": object{"url": "rtmp://b/c", "key": "k3y-s3cr3t"}}
	made := h.ask("POST", outputs, want).Status(201)
	if made.Header().Get("Location") != "/v1"+more || strings.Contains(made.Body.String(), "s3cr3t") {
		t.Error(made.Header(), made.Body)
	}
	h.ask("POST", outputs, want).Problem(409, "name_taken")
	h.ask("POST", outputs, object{"use": "test/source"}).Problem(409, "not_an_output")
	h.ask("POST", "/streams/other%2Fa/outputs", want).Problem(404, "no_pipeline")
	for _, c := range []struct {
		body     object
		location string
	}{
		{object{"use": "test/push"}, "body.with"},
		{object{"use": "test/psuh"}, "body.use"},
		{object{"use": "test/push", "with": object{"url": 1, "ulr": "x"}}, "body.with.ulr"},
		{object{"use": "test/push", "with": object{"url": "${HOME}"}}, "body.with.url"},
		{object{"use": "test/push", "with": object{"url": "x", "key": "file:/etc/passwd"}}, "body.with.key"},
		{object{"use": "test/push", "from": "nobody", "with": object{"url": "x"}}, "body.from"},
		{object{"use": "test/push", "from": "cam", "with": object{"url": strings.Repeat("x", 5000)}}, "body"},
	} {
		p := h.ask("POST", outputs, c.body).Problem(422, "invalid_configuration")
		if len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Location, c.location) {
			t.Errorf("%v: %+v", c.body, p)
		}
	}
	h.ask("POST", outputs, object{"use": "test/push", "wiht": object{}}).Problem(422, "invalid_request")
	h.ask("POST", outputs, object{"use": "test/push", "with": object{"url": strings.Repeat("x", 600<<10)}}).Status(413)

	// Retargeting by a merge patch.
	tag := h.ask("GET", more, nil).Status(200).Header().Get("ETag")
	patched := h.ask("PATCH", more, object{"with": object{"url": "rtmp://c/d", "key": "***"}}, "If-Match", tag).Status(200)
	if patched.Header().Get("ETag") == tag {
		t.Error("the same ETag")
	}
	h.ask("PATCH", more, object{"with": object{"url": "rtmp://d/e"}}, "If-Match", tag).Problem(412, "changed_meanwhile")
	h.ask("DELETE", more, nil, "If-Match", tag).Problem(412, "changed_meanwhile")
	h.ask("PATCH", more, object{"with": object{"url": nil}}).Problem(422, "invalid_configuration")
	h.ask("PATCH", outputs+"/push", object{"with": object{"url": "x"}}).Problem(409, "declared_in_file")
	h.ask("DELETE", outputs+"/push", nil).Problem(409, "declared_in_file")
	h.ask("GET", outputs+"/cam", nil).Problem(404, "no_stage")
	h.ask("GET", outputs+"/nobody", nil).Problem(404, "no_stage")

	// The stream runs: what is there is seen.
	h.publish()
	var o api.Output
	eventually(t, "the output runs", func() bool {
		h.ask("GET", more, nil).Status(200).Into(&o)
		return o.State == "connected"
	})
	if len(o.Findings) != 1 || o.Findings[0].Rule != "open_gop" || o.Findings[0].Target != "more" {
		t.Errorf("%+v", o.Findings)
	}
	if o.Origin != "added" || o.With["url"] != "rtmp://c/d" || o.With["key"] != "***" || o.From != "cam" {
		t.Errorf("%+v", o)
	}
	h.ask("POST", more+"/stop", nil).Status(200).Into(&o)
	if !o.Stopped || o.State != "stopped" {
		t.Errorf("%+v", o)
	}
	h.ask("POST", outputs+"/watch/stop", nil).Status(200)
	h.ask("POST", outputs+"/cam/stop", nil).Problem(409, "not_an_output")
	if s, _ := h.host.Snapshot("live/studio"); len(s.Stages) != 2 {
		t.Errorf("%+v", s.Stages)
	}
	var export struct{ YAML string }
	h.ask("GET", "/config/export", nil).Status(200).Into(&export)
	if !strings.Contains(export.YAML, "live/{name=studio}") || strings.Contains(export.YAML, "s3cr3t") {
		t.Error(export.YAML)
	}
	h.ask("POST", outputs+"/watch/start", nil).Status(200)
	h.ask("POST", more+"/start", nil).Status(200)
	h.ask("DELETE", more, nil).Status(204)
	if s, _ := h.host.Snapshot("live/studio"); len(s.Stages) != 3 {
		t.Errorf("%+v", s.Stages)
	}
}

// An output that is checked is not added, and nothing else changes.
func TestCheckingAnOutput(t *testing.T) {
	const check = outputs + "/check"
	h := newHouse(t)
	want := object{"use": "test/push", "with": object{"url": "rtmp://b/c"}}
	var j api.Judgement
	h.ask("POST", check, want).Status(200).Into(&j)
	if j.Judged || j.Seconds != 0 || len(j.Findings) != 0 {
		t.Errorf("offline: %+v", j)
	}
	track := h.publish()
	h.send(track, 0)
	h.send(track, 1)
	eventually(t, "pictures are there", func() bool { return len(h.kept.Units()) == 2 })
	h.ask("POST", check, want).Status(200).Into(&j)
	if !j.Judged || len(j.Findings) != 1 || j.Findings[0].Message != "H.264 2" || j.Findings[0].Fix != "rtmp://b/c" || j.Findings[0].Target != "push-2" {
		t.Errorf("%+v", j)
	}
	h.ask("POST", check, object{"use": "test/record"}).Status(200).Into(&j)
	if j.Judged || len(j.Findings) != 0 {
		t.Errorf("makes no demands: %+v", j)
	}
	h.ask("POST", check, object{"name": "push", "use": "test/push", "with": object{"url": "x"}}).Problem(409, "name_taken")
	h.ask("POST", check, object{"use": "test/push"}).Problem(422, "invalid_configuration")
	h.ask("POST", "/streams/other%2Fa/outputs/check", want).Problem(404, "no_pipeline")
	h.caller = &rest.Caller{Name: "token:ci", Scope: rest.Configure}
	h.ask("POST", check, object{"use": "test/push", "with": object{"url": "rtmp://10.0.0.1/b"}}).Problem(403, "beyond_the_file")
	if n := len(items(h.ask("GET", outputs, nil).Status(200))); n != 2 {
		t.Errorf("%d outputs", n)
	}
	if s, _ := h.host.Snapshot("live/studio"); len(s.Stages) != 3 {
		t.Errorf("%+v", s.Stages)
	}
}

// T8: who is no admin adds no output, and no recording, that reaches what the file does
// not name; and a quota is asked before anything is added.
func TestAdditionsAreBound(t *testing.T) {
	h := newHouse(t)
	h.publish()
	push := func(url string) object { return object{"use": "test/push", "with": object{"url": url}} }
	h.caller = &rest.Caller{Name: "token:ci", Scope: rest.Configure, Streams: []string{"live/*"}}
	h.ask("POST", outputs, push("rtmp://10.0.0.1/b")).Problem(403, "beyond_the_file")
	h.ask("POST", outputs, object{"name": "more", "use": "test/push", "with": object{"url": "rtmp://a/b"}}).Status(201) // as the file has it
	h.ask("PATCH", more, object{"with": object{"url": "rtmp://10.0.0.1/b"}}).Problem(403, "beyond_the_file")
	h.ask("PATCH", more, object{"with": object{"key": "another"}}).Status(200)
	h.ask("POST", "/streams/live%2Fstudio/recordings", object{"with": object{"store": object{"dir": "/etc"}}}).Problem(403, "beyond_the_file")
	h.caller = &rest.Caller{Name: "user:ann", Scope: rest.Admin}
	h.ask("PATCH", more, object{"with": object{"url": "rtmp://10.0.0.1/b"}}).Status(200)

	counted := 0
	h.quota = func(count func(func(string) bool) int) error {
		counted = count(func(stream string) bool { return stream == "live/studio" })
		return rest.Fail(429, "quota_exceeded", "The quota of outputs is used up: remove one first.")
	}
	h.ask("POST", outputs, push("rtmp://b/c")).Problem(429, "quota_exceeded")
	h.ask("POST", "/streams/live%2Fstudio/recordings", object{"name": "tape"}).Problem(429, "quota_exceeded")
	if counted != 1 {
		t.Errorf("%d outputs are counted", counted)
	}
}

// TestOutputsDisturbNothing adds and removes outputs while another one must lose nothing.
func TestOutputsDisturbNothing(t *testing.T) {
	h := newHouse(t)
	track := h.publish()
	sent := make(chan int)
	stop := make(chan struct{})
	go func() {
		n := 0
		defer func() { sent <- n }()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for ; ; n++ {
			h.send(track, n)
			select {
			case <-stop:
				n++
				return
			case <-tick.C:
			}
		}
	}()
	for i := range 200 {
		name := fmt.Sprintf("more-%d", i%3)
		h.ask("POST", outputs, object{"name": name, "use": "test/push", "with": object{"url": "x"}, "persistent": i%50 == 0}).Status(201)
		if i%10 == 0 {
			h.ask("PATCH", outputs+"/"+name, object{"with": object{"url": "y"}}).Status(200)
		}
		h.ask("DELETE", outputs+"/"+name, nil).Status(204)
	}
	close(stop)
	n := <-sent
	eventually(t, "all has arrived", func() bool { return len(h.kept.Units()) == n })
	s, _ := h.host.Snapshot("live/studio")
	for _, e := range s.Edges {
		if e.Overran+e.Keyless > 0 {
			t.Errorf("%+v", e)
		}
	}
	for _, u := range h.kept.Units() {
		if u.Flags.Has(media.Discontinuity) {
			t.Fatal("the source was started anew")
		}
	}
}

func TestCreatingOnce(t *testing.T) {
	h := newHouse(t)
	want := object{"use": "test/push", "with": object{"url": "rtmp://b/c"}}
	first := h.ask("POST", outputs, want, "Idempotency-Key", "one").Status(201)
	again := h.ask("POST", outputs, want, "Idempotency-Key", "one").Status(201)
	if first.Body.String() != again.Body.String() || again.Header().Get("Location") == "" {
		t.Error(first.Body, again.Body)
	}
	h.ask("POST", outputs, object{"use": "test/sink"}, "Idempotency-Key", "one").Problem(422, "idempotency_key_reused")
	h.ask("POST", outputs, want, "Idempotency-Key", "two").Status(201)
	if got := items(h.ask("GET", outputs, nil).Status(200)); len(got) != 4 {
		t.Error(got)
	}
	h.ask("POST", outputs, object{"use": "test/push"}, "Idempotency-Key", "three").Problem(422, "invalid_configuration")
	h.ask("POST", outputs, object{"use": "test/push"}, "Idempotency-Key", "three").Problem(422, "invalid_configuration")
}

func TestConfiguration(t *testing.T) {
	h := newHouse(t)
	got := h.ask("GET", "/config", nil).Status(200)
	var c api.Config
	got.Into(&c)
	if !c.Writable || strings.Contains(c.YAML, "s3cr3t") || got.Header().Get("ETag") != `"`+c.Version+`"` {
		t.Errorf("%+v", c)
	}
	next := object{"yaml": strings.Replace(c.YAML, "rtmp://a/b", "rtmp://a/z", 1)}
	bad := object{"yaml": "pipelines:\n  live/{name}:\n    stages:\n      cam: {use: test/suorce}\n"}
	var planned api.Planned
	h.ask("POST", "/config/plan", next).Status(200).Into(&planned)
	if len(planned.Changes) != 2 || planned.Changes[0].Change != "1 stage restarts (push), 2 untouched" || len(planned.Problems) != 0 {
		t.Errorf("%+v", planned)
	}
	h.ask("POST", "/config/validate", bad).Status(200).Into(&planned)
	if len(planned.Problems) == 0 || planned.Problems[0].Line != 4 || planned.Problems[0].Hint == "" {
		t.Errorf("%+v", planned)
	}
	p := h.ask("PUT", "/config", bad).Problem(422, "invalid_configuration")
	if len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Location, "body.yaml:4:") {
		t.Errorf("%+v", p)
	}
	h.ask("PUT", "/config", next, "If-Match", `"old"`).Problem(412, "changed_meanwhile")
	applied := h.ask("PUT", "/config", next, "If-Match", got.Header().Get("ETag")).Status(200)
	h.ask("PUT", "/config", next, "If-Match", got.Header().Get("ETag")).Problem(412, "changed_meanwhile")
	if on, _ := os.ReadFile(h.path); !strings.Contains(string(on), "rtmp://a/z") || !strings.Contains(string(on), "s3cr3t") {
		t.Errorf("%s", on)
	}
	history := items(h.ask("GET", "/config/history", nil).Status(200))
	if len(history) != 2 || history[0]["in_force"] != true || history[1]["version"] != c.Version {
		t.Error(history)
	}
	h.ask("POST", "/config/revert", object{"version": "none"}).Problem(404, "no_version")
	h.ask("POST", "/config/revert", object{"version": c.Version}, "If-Match", got.Header().Get("ETag")).Problem(412, "changed_meanwhile")
	h.ask("POST", "/config/revert", object{"version": c.Version}, "If-Match", applied.Header().Get("ETag")).Status(200)
	if on, _ := os.ReadFile(h.path); string(on) != yaml {
		t.Errorf("%s", on)
	}
}

func TestCallersSeeTheirStreamsOnly(t *testing.T) {
	h := newHouse(t)
	h.publish()
	bound := rest.New("1.2.3", fixed{&rest.Caller{Name: "tenant", Scope: rest.Operate, Streams: []string{"live/*"}}})
	api.Register(bound, api.Options{
		Host: h.host, Observer: observe.New(h.host.Snapshots, observe.Ways{}, observe.NewLog()), Desired: h.desired, Registry: mustRegistry(t), Recorder: h.tapes, Archive: h.tapes,
		Addresses: func() []api.Address { return nil }, Limits: func() []api.Limit { return nil },
	})
	ask := func(method, url string, body any) *resttest.Answer {
		return resttest.Ask(t, bound, method, "/v1"+url, body)
	}
	if got := items(ask("GET", "/streams", nil).Status(200)); len(got) != 1 || got[0]["path"] != "live/studio" {
		t.Error(got)
	}
	ask("GET", "/streams/always", nil).Problem(403, "forbidden")
	ask("POST", outputs, object{"use": "test/push"}).Problem(403, "forbidden")
	ask("POST", outputs+"/push/stop", nil).Status(200)
	ask("GET", "/config", nil).Problem(403, "forbidden")
	ask("POST", "/streams/live%2Fstudio/recordings", object{"with": object{}}).Problem(403, "forbidden")
	if got := items(ask("GET", "/recordings", nil).Status(200)); len(got) != 1 {
		t.Error(got)
	}
	ask("GET", "/recordings/B", nil).Problem(404, "no_recording")
}

type fixed struct{ caller *rest.Caller }

func (f fixed) Identify(*http.Request) (*rest.Caller, error) { return f.caller, nil }

func mustRegistry(t *testing.T) *pipeline.Registry {
	t.Helper()
	reg, err := pipeline.NewRegistry(stagetest.Source(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	return reg
}
