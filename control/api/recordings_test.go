package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/control/api"
	"weir/control/rest/resttest"
)

// tapes are two recordings of which one is complete, and what puppets record.
type tapes struct {
	mu      sync.Mutex
	deleted []string
	made    *api.Export
	lost    []string
}

func (s *tapes) Unreachable() []string { return s.lost }

func (*tapes) Use() string { return "test/record" }

func (*tapes) Defaults() map[string]any { return map[string]any{} }

func (*tapes) UnderWay(detail any) (api.Recording, bool) {
	b, _ := json.Marshal(detail)
	return api.Recording{ID: "NOW", StartedAt: time.Unix(300, 0), Store: "dir tapes"}, strings.Contains(string(b), `record\":true`)
}

func (*tapes) Idle(detail any) bool {
	b, _ := json.Marshal(detail)
	return strings.Contains(string(b), `record\":false`)
}

func (s *tapes) List(context.Context) ([]api.Recording, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []api.Recording{
		{ID: "A", Stream: "live/studio", State: "complete", StartedAt: time.Unix(100, 0), Store: "dir tapes"},
		{ID: "B", Stream: "show/one", State: "uploading", StartedAt: time.Unix(200, 0), Store: "dir tapes"},
	}
	all[0].Export = s.made
	return slices.DeleteFunc(all, func(c api.Recording) bool { return slices.Contains(s.deleted, c.ID) }), nil
}

func (s *tapes) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted = append(s.deleted, id)
	return nil
}

func (s *tapes) Export(context.Context, string) (api.Export, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = &api.Export{State: "complete"}
	return api.Export{State: "pending"}, nil
}

func (s *tapes) Probe(_ context.Context, store json.RawMessage) ([]api.ProbeStep, error) {
	switch string(store) {
	case `{"dir":"good"}`:
		return []api.ProbeStep{{What: "write", OK: true}}, nil
	case `{"dir":"full"}`:
		return []api.ProbeStep{{What: "write", Message: "no space"}}, nil
	default:
		return nil, errors.New("dir: the store is nowhere")
	}
}

type noClose struct{}

func (noClose) Close() error { return nil }

func (s *tapes) Open(_ context.Context, _, name string, film bool) (api.File, error) {
	f := api.File{ReadSeeker: bytes.NewReader([]byte("0123456789")), Closer: noClose{}, Type: "video/mp4", Fixed: true}
	switch {
	case film && s.made == nil, name == "none.m4s":
		return f, api.ErrNoRecording
	case name == "index.m3u8":
		f.Type = "application/vnd.apple.mpegurl"
	}
	return f, nil
}

func TestRecordings(t *testing.T) {
	h := newHouse(t)
	ids := func(url string) string {
		t.Helper()
		var got []string
		for _, c := range items(h.ask("GET", url, nil).Status(200)) {
			got = append(got, c["id"].(string))
		}
		return strings.Join(got, " ")
	}
	if got := ids("/recordings"); got != "B A" {
		t.Error(got)
	}
	if got := ids("/recordings?stream=live%2Fstudio"); got != "A" {
		t.Error(got)
	}
	h.ask("GET", "/recordings/none", nil).Problem(404, "no_recording")
	h.tapes.lost = []string{"s3 example.net/shows"}
	if p := h.ask("GET", "/recordings/none", nil).Problem(404, "no_recording"); !strings.Contains(p.Detail, "s3 example.net/shows, which no stage names any more") {
		t.Error(p.Detail)
	}
	h.ask("GET", "/recordings/..%2Fa", nil).Problem(422, "invalid_request")
	h.ask("GET", "/recordings/A/media/index.m3u8", nil).Status(200)
	h.ask("GET", "/recordings/A/media/none.m4s", nil).Problem(404, "no_recording")
	h.ask("GET", "/recordings/A/media/..%2Findex.m3u8", nil).Problem(422, "invalid_request")
	part := h.ask("GET", "/recordings/A/media/video+audio/000001.m4s", nil, "Range", "bytes=2-4").Status(206)
	if part.Body.String() != "234" {
		t.Error(part.Body)
	}
	h.ask("GET", "/recordings/A/export.mp4", nil).Problem(404, "no_recording")
	h.ask("POST", "/recordings/A/export", nil).Status(202)
	h.ask("POST", "/recordings/B/export", nil).Problem(409, "under_way")
	var c api.Recording
	h.ask("GET", "/recordings/A", nil).Status(200).Into(&c)
	if c.Export == nil || c.Export.URL != "/v1/recordings/A/export.mp4" {
		t.Errorf("%+v", c)
	}
	h.ask("GET", "/recordings/A/export.mp4", nil).Status(200)
	h.ask("DELETE", "/recordings/B", nil).Problem(409, "under_way")
	h.ask("DELETE", "/recordings/A", nil).Status(204)
	h.ask("GET", "/recordings/A", nil).Problem(404, "no_recording")
}

func TestProbe(t *testing.T) {
	h := newHouse(t)
	ask := func(dir string) *resttest.Answer {
		t.Helper()
		return h.ask("POST", "/stores/probe", map[string]any{"store": map[string]any{"dir": dir}})
	}
	var p api.Probed
	ask("good").Status(200).Into(&p)
	if !p.OK || len(p.Steps) != 1 {
		t.Errorf("%+v", p)
	}
	ask("full").Status(200).Into(&p)
	if p.OK || p.Steps[0].Message != "no space" {
		t.Errorf("%+v", p)
	}
	if problem := ask("").Problem(422, "invalid_configuration"); len(problem.Errors) != 1 {
		t.Errorf("%+v", problem)
	}
}

func TestRecordingAStream(t *testing.T) {
	const recordings = "/streams/live%2Fstudio/recordings"
	h := newHouse(t)
	h.ask("POST", "/streams/other%2Fa/recordings", nil).Problem(404, "no_pipeline")
	h.ask("POST", recordings+"/stop", nil).Problem(404, "no_stage")
	h.publish()
	var s api.Started
	h.ask("POST", recordings, nil).Status(201).Into(&s)
	if !s.Added || s.Stage != "record" {
		t.Errorf("%+v", s)
	}
	tell := func(body string) error { return h.host.Control("live/studio", "record", []byte(body)) }
	eventually(t, "it can be told", func() bool { return tell(`{}`) == nil })
	h.ask("POST", recordings, nil).Problem(409, "recording_already") // though there is nothing yet
	if err := tell(`{"record":false}`); err != nil {
		t.Fatal(err)
	}
	h.ask("POST", recordings, object{}, "Idempotency-Key", "x").Status(201).Into(&s) // it is there and waits
	if s.Added || s.Stage != "record" {
		t.Errorf("%+v", s)
	}
	var stream api.Stream
	h.ask("GET", "/streams/live%2Fstudio", nil).Status(200).Into(&stream)
	if !stream.Recording {
		t.Errorf("%+v", stream)
	}
	h.ask("POST", recordings, nil).Problem(409, "recording_already")
	h.ask("POST", recordings, object{"with": object{"path": "x"}}).Problem(422, "invalid_configuration")
	if got := items(h.ask("GET", "/recordings", nil).Status(200)); len(got) != 3 || got[0]["id"] != "NOW" || got[0]["stream"] != "live/studio" {
		t.Error(got)
	}
	h.ask("DELETE", "/recordings/NOW", nil).Problem(409, "under_way")
	h.ask("POST", recordings+"/stop", nil).Status(204)
	if n := len(items(h.ask("GET", outputs, nil).Status(200))); n != 2 {
		t.Errorf("%d outputs", n)
	}
}
