package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"weir/pipeline"
	"weir/pipeline/service/httpd"
)

// fake is a build with one script.
func fake() *Site {
	return load(fstest.MapFS{
		"dist/watch.html":          {Data: []byte("watch")},
		"dist/publish.html":        {Data: []byte("publish")},
		"dist/home.html":           {Data: []byte("home")},
		"dist/assets/a-1.js":       {Data: []byte("script")},
		"dist/assets/a-1.js.gz":    {Data: []byte("compressed")},
		"dist/assets/style-2.css":  {Data: []byte("style")},
		"dist" + player:            {Data: []byte("player")},
		"dist/assets/LICENSE.text": {Data: []byte("free")},
	})
}

func server(t *testing.T, s *Site) *httpd.Server {
	t.Helper()
	p, err := pipeline.ParsePattern("live/{name}")
	if err != nil {
		t.Fatal(err)
	}
	srv := httpd.New(httpd.Config{})
	srv.Handle("/", s.Home())
	srv.Handle("/assets/", s.Assets())
	srv.Mount(httpd.Mount{Pattern: p, Leaves: []string{""}, Serve: s.Watch})
	srv.Mount(httpd.Mount{Pattern: p, Leaves: []string{"publish"}, Serve: s.Publish})
	return srv
}

func ask(srv *httpd.Server, method, url string, header ...string) *http.Response {
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestServing(t *testing.T) {
	srv := server(t, fake())
	for _, c := range []struct {
		method, url, accept string
		status              int
		body, kind, cache   string
	}{
		{"GET", "/", "", 200, "home", "text/html; charset=utf-8", "no-cache"},
		{"GET", "/live/studio", "", 200, "watch", "text/html; charset=utf-8", "no-cache"},
		{"GET", "/live/studio?embed=1", "gzip", 200, "watch", "text/html; charset=utf-8", "no-cache"},
		{"GET", "/live/studio/publish", "", 200, "publish", "text/html; charset=utf-8", "no-cache"},
		{"GET", "/assets/weir-player.js", "", 200, "player", "text/javascript; charset=utf-8", "no-cache"},
		{"HEAD", "/live/studio", "", 200, "", "text/html; charset=utf-8", "no-cache"},
		{"GET", "/assets/a-1.js", "", 200, "script", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"GET", "/assets/a-1.js", "br, gzip", 200, "compressed", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"GET", "/assets/style-2.css", "gzip", 200, "style", "text/css; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		res := ask(srv, c.method, c.url, "Accept-Encoding", c.accept)
		h := res.Header
		if got := body(t, res); res.StatusCode != c.status || got != c.body ||
			h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.cache {
			t.Errorf("%s %s: %d %q %v", c.method, c.url, res.StatusCode, got, h)
		}
		if (h.Get("Content-Encoding") == "gzip") != (c.body == "compressed") {
			t.Errorf("%s: encoding %q", c.url, h.Get("Content-Encoding"))
		}
		again := ask(srv, c.method, c.url, "Accept-Encoding", c.accept, "If-None-Match", h.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s with its ETag: %d", c.url, again.StatusCode)
		}
	}
	for url, want := range map[string]int{"/assets/a-1.js.gz": 404, "/assets/": 404, "/assets/../watch.html": 404, "/nothing": 404} {
		if res := ask(srv, "GET", url); res.StatusCode != want {
			t.Errorf("%s: %d", url, res.StatusCode)
		}
	}
	if res := ask(srv, "POST", "/live/studio"); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", res.StatusCode, res.Header)
	}
}

func TestPageHeaders(t *testing.T) {
	srv := server(t, fake())
	for url, frames := range map[string]string{"/": "'none'", "/live/studio": "*", "/live/studio/publish": "'none'"} {
		h := ask(srv, "GET", url).Header
		devices := "camera=(), microphone=(), geolocation=(), payment=()"
		if url == "/live/studio/publish" {
			devices = "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()"
		}
		want := "default-src 'self'; media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; " +
			"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors " + frames
		if got := h.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy %q", url, got)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Permissions-Policy": devices,
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", url, name, got)
			}
		}
	}
}

func TestUnbuilt(t *testing.T) {
	s := load(fstest.MapFS{"dist/.gitkeep": {}})
	if s.Built() {
		t.Error("built from nothing")
	}
	res := ask(server(t, s), "GET", "/live/studio")
	if got := body(t, res); res.StatusCode != 503 || !strings.Contains(got, "make build") {
		t.Errorf("%d %s", res.StatusCode, got)
	}
}

// The pages as they are built refer to their own files only, and stay small.
func TestBuiltPages(t *testing.T) {
	s := New()
	if !s.Built() {
		t.Skip("the pages are not built; make web")
	}
	reference := regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	for name, f := range map[string]file{"watch": s.watch, "publish": s.publish, "home": s.home} {
		for _, m := range reference.FindAllStringSubmatch(string(f.content), -1) {
			if _, ok := s.assets[m[1]]; !ok && m[1] != "/" {
				t.Errorf("%s refers to %q", name, m[1])
			}
		}
		for _, banned := range []string{"http:", "https:", "//", "<style", "style=", " onclick", "<script>"} {
			if bytes.Contains(f.content, []byte(banned)) {
				t.Errorf("%s contains %q", name, banned)
			}
		}
	}
	total := 0
	for name, f := range s.assets {
		if f.gzipped == nil {
			continue
		}
		total += len(f.gzipped)
		zr, err := gzip.NewReader(bytes.NewReader(f.gzipped))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(zr); err != nil || !bytes.Equal(plain, f.content) {
			t.Errorf("%s.gz is not %s: %v", name, name, err)
		}
		for _, banned := range []string{"@import", "cdn.", "googleapis"} {
			if bytes.Contains(f.content, []byte(banned)) {
				t.Errorf("%s contains %q", name, banned)
			}
		}
	}
	// hls.js and the editor of the configuration take most of it; each is loaded by itself
	// when it is wanted.
	if budget := 450 << 10; total > budget {
		t.Errorf("the assets have %d bytes compressed, more than %d", total, budget)
	}
}

// What a page needs at first, without hls.js and the editor, is a small part of all. The
// budget of the operator's interface includes its styles and is build.mjs's, too.
func TestFirstLoad(t *testing.T) {
	s := New()
	if !s.Built() {
		t.Skip("the pages are not built; make web")
	}
	imported := regexp.MustCompile(`(?:src|href)="(/assets/[^"]*\.(?:js|css))"`)
	for name, page := range map[string]file{"watch": s.watch, "publish": s.publish, "home": s.home} {
		total, budget := 0, 12<<10
		if name == "home" {
			budget = 150_000
		}
		for _, m := range imported.FindAllStringSubmatch(string(page.content), -1) {
			total += len(s.assets[m[1]].gzipped)
		}
		if total == 0 || total > budget {
			t.Errorf("%s loads %d bytes of compressed scripts, not 1 to %d", name, total, budget)
		}
	}
}
