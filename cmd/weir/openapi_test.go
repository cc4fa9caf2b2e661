package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"weir/control/rest"
	"weir/pipeline/config"
)

// operable is a server with all operations, which listens on this machine alone and is
// never run.
func operable(t *testing.T) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte("pipelines: {live/a: {stages: {cam: {use: ingest/rtmp}}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := config.DefaultServer()
	settings.HTTP.Listen, settings.RTMP.Listen = "127.0.0.1:0", "127.0.0.1:0"
	settings.WebRTC.UDP, settings.WebRTC.TCP = "127.0.0.1:0", ""
	src := fileSource(file)
	s, err := newServer(settings, src.files(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if err := s.operate(src); err != nil {
		t.Fatal(err)
	}
	return s
}

// document is what the server says of its API, indented, with a version that stays.
func document(t *testing.T, s *server) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, rest.Root+"/openapi.json", http.NoBody))
	text := bytes.Replace(bytes.TrimSpace(w.Body.Bytes()), []byte(`"version":"`+version()+`"`), []byte(`"version":"1"`), 1)
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

// TestOpenAPI: the document in the repository is what the server says, and the names in it
// are such as OpenAPI 3.1 allows (section 4.8.7).
func TestOpenAPI(t *testing.T) {
	const page = "../../docs/reference/openapi.json"
	s := operable(t)
	want := document(t, s)
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not current: go test ./cmd/weir -run TestOpenAPI -update (%v)", page, err)
	}
	allowed := regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)
	for name := range s.api.OpenAPI().Components.Schemas.Map() {
		if !allowed.MatchString(name) {
			t.Errorf("%q is no name of a schema", name)
		}
	}
}
