package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/control/webhook"
)

// What happens to a server goes out by all the ways that there are.
func TestEventsGoOut(t *testing.T) {
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}))
	defer hook.Close()
	dir := t.TempDir()
	name := filepath.Join(dir, "weir.yaml")
	text := fmt.Sprintf(`server:
  http: {listen: "127.0.0.1:0"}
  rtmp: {listen: ""}
  log: {level: error}
  webrtc: {udp: ""}
  outgoing: {allow: [127.0.0.1]}
  webhooks: [{url: %q, secret: %q, events: [config.*, node.*]}]
pipelines:
  live/{name}: {stages: {cam: {use: ingest/rtmp}, hls: {use: outputs/hls, from: cam}}}
`, hook.URL, webhook.NewSecret().Reveal())
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	src := fileSource(name)
	err := runServer(ctx, io.Discard, src, false, func(_ context.Context, s *server) error {
		changed := strings.Replace(text, "live/{name}", "show/{name}", 1)
		if err := os.WriteFile(name, []byte(changed), 0o600); err != nil {
			return err
		}
		s.desired.Reload()
		if body := <-got; !strings.Contains(body, `"type":"config.applied"`) || !strings.Contains(body, `"show/{name}":"new pipeline"`) {
			t.Error(body)
		}
		for url, want := range map[string]string{
			"/v1/events/log": `"config.applied"`, "/v1/webhooks": `"origin":"file"`,
			"/v1/pipelines/show%2F%7Bname%7D/graph": `"use":"outputs/hls"`,
		} {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			r.Host = "localhost"
			r.RemoteAddr = "127.0.0.1:9"
			w := httptest.NewRecorder()
			s.services.http.ServeHTTP(w, r)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d %s", url, w.Code, w.Body)
			}
		}
		stop()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if body := <-got; !strings.Contains(body, `"type":"node.draining"`) {
		t.Error(body)
	}
}
