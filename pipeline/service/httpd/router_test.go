package httpd

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"weir/pipeline"
)

func request(s *Server, target string) (int, http.Header, string) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Code, w.Header(), strings.TrimSpace(w.Body.String())
}

// named answers with its name and with what it was called for.
func named(name string) func(http.ResponseWriter, *http.Request, string, string) {
	return func(w http.ResponseWriter, _ *http.Request, path, leaf string) {
		fmt.Fprintf(w, "%s path=%s leaf=%s", name, path, leaf)
	}
}

func fixed(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) })
}

func TestRouting(t *testing.T) {
	s := New(Config{})
	s.Handle("/", fixed("home"))
	s.Handle("/metrics", fixed("metrics"))
	s.Handle("/v1/", fixed("api"))
	s.Handle("/v1/deep/", fixed("deep api"))
	s.Mount(Mount{Pattern: pattern(t, "{any}"), Leaves: []string{"*.m3u8"}, Serve: named("any")})
	s.Mount(Mount{Pattern: pattern(t, "live/{name}"), Leaves: []string{"*.m3u8", "*.m4s"}, Serve: named("hls")})
	s.Mount(Mount{Pattern: pattern(t, "live/{name}"), Leaves: []string{""}, Serve: named("page")})
	s.Mount(Mount{Pattern: pattern(t, "live/{name}"), Leaves: []string{"whip", "whip/*"}, Serve: named("whip")})
	s.Mount(Mount{Pattern: pattern(t, "live/special"), Leaves: []string{"*.m3u8"}, Serve: named("special")})
	s.Mount(Mount{Pattern: pattern(t, "v1/{name}"), Leaves: []string{"*"}, Serve: named("shadowed")})

	for _, c := range []struct{ url, want string }{
		{"/", "home"},
		{"/metrics", "metrics"},
		{"/v1/streams", "api"},
		{"/v1/deep/x", "deep api"},
		{"/live/studio", "page path=live/studio leaf="},
		{"/live/studio?embed=1", "page path=live/studio leaf="},
		{"/live/studio/index.m3u8", "hls path=live/studio leaf=index.m3u8"},
		{"/live/studio/seg7.m4s", "hls path=live/studio leaf=seg7.m4s"},
		{"/live/studio/whip", "whip path=live/studio leaf=whip"},
		{"/live/studio/whip/8f3a", "whip path=live/studio leaf=whip/8f3a"},
		{"/live/special/index.m3u8", "special path=live/special leaf=index.m3u8"},
		{"/live/special/seg7.m4s", "hls path=live/special leaf=seg7.m4s"},
		{"/single/index.m3u8", "any path=single leaf=index.m3u8"},
	} {
		if code, _, got := request(s, c.url); code != 200 || got != c.want {
			t.Errorf("%s: %d %q, want %q", c.url, code, got, c.want)
		}
	}
	for _, url := range []string{
		"/nothing", "/live", "/live/", "/live/studio/", "/live//index.m3u8", "//live/studio", "/live/studio/whip/8f3a/x",
		"/live/../metrics", "/live/..%2fetc/index.m3u8", "/live/studio/..m3u8", "/live/.hidden/index.m3u8",
		"/live/st%00udio/index.m3u8", "/live/st%20udio/index.m3u8", "/live/studio/%2e%2e/a.m4s",
		"/live/" + strings.Repeat("x", 65) + "/index.m3u8", "/live/studio/" + strings.Repeat("x", 200) + ".m4s",
		"/" + strings.Repeat("a/", 10000), "/live/studio/index.m3u8/",
	} {
		code, h, body := request(s, url)
		if url == "/live/studio/" {
			if code != http.StatusPermanentRedirect || h.Get("Location") != "/live/studio" {
				t.Errorf("%s: %d to %q", url, code, h.Get("Location"))
			}
			continue
		}
		if code != 404 || !strings.Contains(body, `"code":"not_found"`) {
			t.Errorf("%s: %d %s, want a 404 problem", url, code, body)
		}
	}
}

func TestRedirectKeepsQuery(t *testing.T) {
	s := New(Config{})
	s.Mount(Mount{Pattern: pattern(t, "live/{name}"), Leaves: []string{""}, Serve: named("page")})
	if _, h, _ := request(s, "/live/studio/?embed=1"); h.Get("Location") != "/live/studio?embed=1" {
		t.Errorf("redirected to %q", h.Get("Location"))
	}
}

func TestNewestOfEqualsAnswers(t *testing.T) {
	s := New(Config{})
	p := pattern(t, "live/{name}")
	dropOld := s.Mount(Mount{Pattern: p, Leaves: []string{"*.m3u8"}, Serve: named("old")})
	dropNew := s.Mount(Mount{Pattern: p, Leaves: []string{"*.m3u8"}, Serve: named("new")})
	want := func(word string) {
		t.Helper()
		if _, _, got := request(s, "/live/a/index.m3u8"); !strings.Contains(got, word) {
			t.Errorf("got %q, want %q", got, word)
		}
	}
	want("new path")
	dropOld()
	want("new path")
	dropOld() // twice is harmless
	dropNew()
	want("not_found")
}

func TestTableChangesUnderLoad(t *testing.T) {
	s := New(Config{})
	s.Mount(Mount{Pattern: pattern(t, "live/{name}"), Leaves: []string{"*.m3u8"}, Serve: named("base")})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if code, _, body := request(s, "/live/a/index.m3u8"); code != 200 {
					t.Errorf("%d %s", code, body)
					return
				}
			}
		})
	}
	for i := range 2 {
		p := pattern(t, fmt.Sprintf("live/s%d", i))
		wg.Go(func() {
			for range 200 {
				drop := s.Mount(Mount{Pattern: p, Leaves: []string{"*"}, Serve: named("other")})
				s.Handle("/v1/", fixed("api"))
				drop()
			}
		})
	}
	wg.Wait()
	if n := len(s.routes.Load().mounts); n != 1 {
		t.Errorf("%d mounts are left, want 1", n)
	}
}

func BenchmarkRoute(b *testing.B) {
	s := New(Config{})
	p, err := pipeline.ParsePattern("live/{name}")
	if err != nil {
		b.Fatal(err)
	}
	s.Mount(Mount{Pattern: p, Leaves: []string{"*.m3u8", "*.m4s"}, Serve: func(http.ResponseWriter, *http.Request, string, string) {}})
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/live/studio/part7.m4s", nil)
	b.ReportAllocs()
	for b.Loop() {
		s.routes.Load().route(w, r)
	}
}
