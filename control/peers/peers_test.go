package peers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/control/rest"
	"weir/control/rest/resttest"
	"weir/pipeline"
	"weir/pipeline/instance"
)

type caller struct{ rest.Caller }

func (c *caller) Identify(*http.Request) (*rest.Caller, error) { return &c.Caller, nil }

// house is a Host with sessions by ID.
type house struct {
	sessions []instance.Session
	told     string
}

func (h *house) Sessions(path string) ([]instance.Session, bool) {
	all := slices.DeleteFunc(slices.Clone(h.sessions), func(s instance.Session) bool { return path != "" && s.Path != path })
	return all, path == "" || len(all) > 0
}

func (h *house) Dismiss(path, id, why string) bool {
	h.told = why
	return slices.ContainsFunc(h.sessions, func(s instance.Session) bool { return s.Path == path && s.ID == id })
}

func session(path, id string, age time.Duration, publisher bool) instance.Session {
	s := instance.Session{Path: path}
	s.Stage, s.Publisher = "cam", publisher
	s.Session = pipeline.Session{
		ID: id, Protocol: "rtmp", Remote: netip.MustParseAddrPort("192.0.2.1:5000"), Agent: "OBS", Subject: "ann",
		Since: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).Add(-age), Bytes: 7, Bitrate: 8,
	}
	return s
}

func TestPeers(t *testing.T) {
	host := &house{sessions: []instance.Session{
		session("live/b", "1", 0, true), session("live/a", "2", time.Minute, false), session("live/a", "3", time.Hour, true),
	}}
	who := &caller{rest.Caller{Scope: rest.Admin}}
	api := rest.New("1", who)
	Register(api, host)
	ask := func(method, url string) (int, map[string]any) {
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, url, nil)
		api.ServeHTTP(w, r)
		resttest.Check(t, api, r, w)
		var body map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &body)
		return w.Code, body
	}
	ids := func(url string) string {
		status, body := ask("GET", url)
		words := []string{fmt.Sprint(status)}
		if code, ok := body["code"]; ok {
			words = append(words, fmt.Sprint(code))
		}
		items, _ := body["items"].([]any)
		for _, item := range items {
			one, _ := item.(map[string]any)
			words = append(words, fmt.Sprint(one["id"]))
		}
		if next, ok := body["next_cursor"].(string); ok {
			words = append(words, "then "+pageAfter(t, api, url, next))
		}
		return strings.Join(words, " ")
	}
	for _, c := range []struct {
		streams   []string
		url, want string
	}{
		{nil, "/v1/sessions", "200 3 2 1"},
		{[]string{"live/b"}, "/v1/sessions", "200 1"},
		{nil, "/v1/sessions?limit=2", "200 3 2 then 1"},
		{nil, "/v1/streams/live%2Fa/sessions", "200 3 2"},
		{[]string{"live/b"}, "/v1/streams/live%2Fa/sessions", "403 forbidden"},
		{nil, "/v1/streams/live%2Fc/sessions", "404 stream_offline"},
	} {
		who.Streams = c.streams
		if got := ids(c.url); got != c.want {
			t.Errorf("%s for %v: %s, want %s", c.url, c.streams, got, c.want)
		}
	}
	who.Streams = nil
	_, body := ask("GET", "/v1/streams/live%2Fb/sessions")
	got, _ := json.Marshal(body["items"])
	if want := `[{"agent":"OBS","bitrate":8,"bytes":7,"id":"1","protocol":"rtmp","publisher":true,"remote":"192.0.2.1:5000",` +
		`"since":"2026-11-28T12:00:00Z","stage":"cam","stream":"live/b","subject":"ann"}]`; string(got) != want {
		t.Errorf("%s", got)
	}
	for _, c := range []struct {
		scope  rest.Scope
		url    string
		status int
		told   string
	}{
		{rest.Operate, "/v1/streams/live%2Fa/sessions/2?reason=Enough.", 204, "Enough."},
		{rest.Operate, "/v1/streams/live%2Fa/sessions/2", 204, "The session has been ended by the operator."},
		{rest.Operate, "/v1/streams/live%2Fa/sessions/1", 404, "The session has been ended by the operator."},
		{rest.Operate, "/v1/streams/live%2Fa/sessions/2?reason=" + strings.Repeat("x", MaxReason+1), 422, ""},
		{rest.Read, "/v1/streams/live%2Fa/sessions/2", 403, ""},
	} {
		who.Scope, host.told = c.scope, ""
		if status, body := ask("DELETE", c.url); status != c.status || host.told != c.told {
			t.Errorf("%s with %s: %d %v, told %q", c.url, c.scope, status, body, host.told)
		}
	}
}

// pageAfter lists the next page.
func pageAfter(t *testing.T, api *rest.API, url, cursor string) string {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", url+"&cursor="+cursor, nil)
	api.ServeHTTP(w, r)
	resttest.Check(t, api, r, w)
	var body rest.Page[Session]
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, s := range body.Items {
		words = append(words, s.ID)
	}
	return strings.Join(words, " ")
}
