package httpd

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"weir/pipeline"
)

// Whatever the URL, a mount is asked only for a valid path and a leaf that stays
// where it is put.
func FuzzRoute(f *testing.F) {
	for _, seed := range []string{
		"/live/studio/index.m3u8", "/live/../etc/passwd", "//live//x", "/live/a/..%2f..%2fb", "/live/a/whip/8f3a",
		"/live/a/", "/live/\x00/b", "/live/a/.m3u8", "/live/ü/x", "",
	} {
		f.Add(seed)
	}
	var patterns []pipeline.Pattern
	for _, text := range []string{"live/{name}", "{a}/{b}/{c}/{d}"} {
		p, err := pipeline.ParsePattern(text)
		if err != nil {
			f.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	f.Fuzz(func(t *testing.T, target string) {
		s := New(Config{})
		served := func(w http.ResponseWriter, _ *http.Request, stream, leaf string) {
			checkServed(t, target, stream, leaf)
			w.WriteHeader(http.StatusNoContent)
		}
		for _, p := range patterns {
			s.Mount(Mount{Pattern: p, Leaves: []string{"", "*", "*/*", "*/*/*"}, Serve: served})
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: target}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusNoContent && w.Code != http.StatusNotFound && w.Code != http.StatusPermanentRedirect {
			t.Errorf("%q: status %d", target, w.Code)
		}
		if to := w.Header().Get("Location"); to != "" && pipeline.ValidPath(to[1:]) != nil {
			t.Errorf("%q: redirected to %q", target, to)
		}
	})
}

func checkServed(t *testing.T, target, stream, leaf string) {
	t.Helper()
	if err := pipeline.ValidPath(stream); err != nil {
		t.Errorf("%q: path %q: %v", target, stream, err)
	}
	if leaf != "" && (path.Clean("/"+leaf) != "/"+leaf || strings.ContainsAny(leaf, "\\\x00 %")) {
		t.Errorf("%q: leaf %q", target, leaf)
	}
	if want := strings.TrimSuffix("/"+stream+"/"+leaf, "/"); target != want {
		t.Errorf("%q was taken for %q", target, want)
	}
}
