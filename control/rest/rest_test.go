package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/rest"
	"weir/control/rest/resttest"
)

type fixed struct{ caller *rest.Caller }

func (f fixed) Identify(*http.Request) (*rest.Caller, error) { return f.caller, nil }

type named struct {
	Stream string `path:"stream"`
	N      int    `query:"n" minimum:"1" default:"1"`
}

type said struct {
	Body struct {
		Stream string `json:"stream"`
		By     string `json:"by"`
	}
}

func api(guard rest.Guard) *rest.API {
	a := rest.New("1.2.3", guard)
	huma.Register(a, rest.Operation(rest.Operate, http.MethodPost, "/streams/{stream}/poke", "poke", "Poke a stream"),
		func(ctx context.Context, in *named) (*said, error) {
			out := &said{}
			out.Body.Stream, out.Body.By = in.Stream, rest.CallerOf(ctx).Name
			if in.Stream == "live/gone" {
				return nil, rest.Fail(http.StatusNotFound, "stream_offline", "Nobody is publishing this stream.")
			}
			return out, nil
		})
	return a
}

func ask(a *rest.API, method, url, remote string) (int, map[string]any) {
	r := httptest.NewRequest(method, url, nil)
	r.RemoteAddr = remote
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	var body map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &body)
	return w.Code, body
}

func TestOperationsAndProblems(t *testing.T) {
	a := api(resttest.Loopback{})
	for _, c := range []struct {
		method, url, remote string
		status              int
		key, value          string
	}{
		{"POST", "/v1/streams/live%2Fa/poke", "127.0.0.1:9", 200, "stream", "live/a"},
		{"POST", "/v1/streams/live%2Fa/poke", "[::ffff:127.0.0.1]:9", 200, "by", "this machine"},
		{"POST", "/v1/streams/live%2Fa/poke", "192.0.2.1:9", 401, "code", "credentials_missing"},
		{"POST", "/v1/streams/live%2Fgone/poke", "[::1]:9", 404, "code", "stream_offline"},
		{"POST", "/v1/streams/live%2Fa/poke?n=0", "[::1]:9", 422, "code", "invalid_request"},
		{"POST", "/v1/streams/live%2Fa/poke?m=1", "[::1]:9", 422, "code", "invalid_request"},
		{"GET", "/v1/nothing", "[::1]:9", 404, "code", "not_found"},
	} {
		status, body := ask(a, c.method, c.url, c.remote)
		if status != c.status || body[c.key] != c.value {
			t.Errorf("%s %s from %s: %d %v", c.method, c.url, c.remote, status, body)
		}
	}
}

func TestCallersAreBound(t *testing.T) {
	for _, c := range []struct {
		caller rest.Caller
		status int
	}{
		{rest.Caller{Scope: rest.Admin}, 200},
		{rest.Caller{Scope: rest.Operate, Streams: []string{"live/*"}}, 200},
		{rest.Caller{Scope: rest.Operate, Streams: []string{"show/*"}}, 403},
		{rest.Caller{Scope: rest.Operate, Streams: []string{}}, 403},
		{rest.Caller{Scope: rest.Read}, 403},
		{rest.Caller{}, 403},
	} {
		if status, body := ask(api(fixed{&c.caller}), "POST", "/v1/streams/live%2Fa/poke", "192.0.2.1:9"); status != c.status {
			t.Errorf("%+v: %d %v", c.caller, status, body)
		}
	}
}

func TestTheDocumentIsOurs(t *testing.T) {
	w := httptest.NewRecorder()
	api(resttest.Loopback{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil))
	text := w.Body.String()
	for _, want := range []string{`"openapi":"3.1.0"`, `"/v1/streams/{stream}/poke"`, `"application/problem+json"`, `"#/components/schemas/Problem"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
}

func TestPages(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e"}
	key := func(s string) string { return s }
	first, err := rest.PageOf(rest.Paging{Limit: 2}, all, key)
	if err != nil || len(first.Items) != 2 || first.Next == "" {
		t.Fatal(first, err)
	}
	left := []string{"a", "c", "d"} // b, the last that was seen, is gone
	second, err := rest.PageOf(rest.Paging{Limit: 2, Cursor: first.Next}, left, key)
	if err != nil || strings.Join(second.Items, "") != "cd" || second.Next != "" {
		t.Error(second, err)
	}
	if _, err := rest.PageOf(rest.Paging{Limit: 2, Cursor: "%"}, all, key); err == nil {
		t.Error("a made-up cursor is taken")
	}
}
