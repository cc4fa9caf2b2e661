//go:build e2e

package access

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/pipeline/access"
)

// TestBound is a caller who is bound to one stream, and sees no other by any operation.
func TestBound(t *testing.T) {
	t.Parallel()
	s, _ := begin(t, newIssuer(t))
	admin := s.admin(t)
	for _, path := range []string{"show/a", "show/b"} { // somebody watches, so that both run
		e := entry{"HLS", "cookie", access.Play, nil, "GET", "index.m3u8", asCookie}
		cookie := strings.TrimPrefix(admin.Get("Cookie"), "weir_session=")
		if got := s.tryAt(t, e, paper{form: session, text: cookie}, origins()[1], 1, path); got != in {
			t.Fatalf("%s: %s", path, got)
		}
	}
	ask := func(header http.Header, method, path string) (int, string) {
		reply := s.ask(t, s.client(elsewhere), method, path, header.Clone(), "")
		text, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply.StatusCode, string(text)
	}
	var api struct {
		Paths map[string]map[string]json.RawMessage
	}
	_, text := ask(nil, http.MethodGet, "/v1/openapi.json")
	if err := json.Unmarshal([]byte(text), &api); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, scope := range []string{"read", "operate", "configure", "admin"} {
		token := made(t, s.ask(t, s.client(elsewhere), http.MethodPost, "/v1/tokens", admin.Clone(), fmt.Sprintf(`{"name":"bound","scopes":[%q],"streams":["show/a"]}`, scope)))
		caller := http.Header{"Authorization": {"Bearer " + token.Secret}}
		for path, operations := range api.Paths {
			for method := range operations {
				method = strings.ToUpper(method)
				if strings.Contains(path, "{stream}") {
					other := strings.NewReplacer("{stream}", "show%2Fb", "{stage}", "clip", "{name}", "hls", "{session}", "x").Replace(path)
					if status, text := ask(caller, method, other); status != http.StatusForbidden {
						t.Errorf("%s %s with %s: %d %s", method, other, scope, status, text)
					}
				}
				if method != http.MethodGet || strings.HasSuffix(path, "/events") {
					continue
				}
				own := strings.NewReplacer("{stream}", "show%2Fa", "{stage}", "clip", "{name}", "hls", "/pipelines/{id}", "/pipelines/show%2Fb", "{id}", "show%2Fb").Replace(path)
				status, text := ask(caller, method, own)
				if strings.Contains(text, "show/b") || strings.Contains(text, "show%2Fb") {
					t.Errorf("%s %s with %s sees the other stream: %d %s", method, own, scope, status, text)
				}
				if status == http.StatusOK && strings.Contains(text, "show/a") {
					seen++
				}
			}
		}
		ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+elsewhere+":"+s.http+"/v1/events?topics=*,stats,streams", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = caller
		events, err := client(elsewhere, s.trust).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(events.Body) // until the time is over
		events.Body.Close()
		stop()
		if strings.Contains(string(text), "show/b") || !strings.Contains(string(text), "show/a") {
			t.Errorf("%s is told\n%s", scope, text)
		}
	}
	if seen < 8 {
		t.Errorf("his own stream was seen %d times", seen)
	}
}
