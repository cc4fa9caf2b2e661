package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"weir/pipeline/service/httpd"
)

//go:embed all:dist
var dist embed.FS

// Policy is the Content-Security-Policy of all pages. Media are blobs because
// hls.js feeds the player by Media Source Extensions.
const Policy = "default-src 'self'; media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'"

// Site is the set of pages and what they use. It is immutable. Use [New].
type Site struct {
	watch, publish, home file
	assets               map[string]file // by URL path
}

// file is one embedded file.
type file struct {
	content, gzipped []byte
	kind, tag        string
}

// New takes the embedded pages. It always works; see [Site.Built].
func New() *Site { return load(dist) }

func load(tree fs.FS) *Site {
	s := &Site{
		watch:   read(tree, "dist/watch.html"),
		publish: read(tree, "dist/publish.html"),
		home:    read(tree, "dist/home.html"),
		assets:  make(map[string]file),
	}
	names, _ := fs.Glob(tree, "dist/assets/*") // the pattern is fine
	for _, name := range names {
		if !strings.HasSuffix(name, ".gz") {
			s.assets[strings.TrimPrefix(name, "dist")] = read(tree, name)
		}
	}
	return s
}

// read reads a file and its compressed twin; what is missing is empty.
func read(tree fs.FS, name string) file {
	var f file
	f.content, _ = fs.ReadFile(tree, name)
	f.gzipped, _ = fs.ReadFile(tree, name+".gz")
	sum := sha256.Sum256(f.content)
	f.tag = `"` + hex.EncodeToString(sum[:8]) + `"`
	f.kind = mime.TypeByExtension(path.Ext(name))
	return f
}

// Built says whether the binary has the pages.
func (s *Site) Built() bool {
	return s.watch.content != nil && s.publish.content != nil && s.home.content != nil
}

// Watch serves the watch page of the stream at path; it is the Serve of an
// httpd.Mount with the leaf "". Other sites may show it in a frame: "?embed=1"
// leaves out all but the player.
func (s *Site) Watch(w http.ResponseWriter, r *http.Request, _, _ string) {
	s.page(w, r, s.watch, "frame-ancestors *")
}

// Publish serves the page from which a browser publishes the stream at path by
// WHIP; it is the Serve of an httpd.Mount with the leaf "publish". Unlike the other
// pages it may ask for camera, microphone and screen, and nobody may frame it.
func (s *Site) Publish(w http.ResponseWriter, r *http.Request, _, _ string) {
	s.page(w, r, s.publish, "frame-ancestors 'none'",
		"Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()")
}

// Home serves the home page, which asks for /v1/streams.
func (s *Site) Home() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.page(w, r, s.home, "frame-ancestors 'none'")
	})
}

// player is the one asset that keeps its name, because other sites refer to it. It
// imports what does the work under a name that holds a hash.
const player = "/assets/weir-player.js"

// Assets serves /assets/, also to the pages of other sites. Names hold a hash of
// the content and never change it, except that of the player's module.
func (s *Site) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := s.assets[r.URL.Path]
		if !ok {
			httpd.Problem(w, http.StatusNotFound, "not_found", "Not found", "There is no such file.")
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if r.URL.Path == player {
			h.Set("Cache-Control", "no-cache")
		} else {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		f.serve(w, r)
	})
}

// page serves a page. Its headers are those of all pages and further ones.
func (s *Site) page(w http.ResponseWriter, r *http.Request, f file, frames string, further ...string) {
	httpd.PageHeaders(w.Header(), Policy+"; "+frames)
	for i := 0; i < len(further); i += 2 {
		w.Header().Set(further[i], further[i+1])
	}
	if !s.Built() {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(unbuilt))
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	f.serve(w, r)
}

const unbuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>weir</title>
<h1>The pages are not built</h1>
<p>This binary was built without its web pages. Run <code>make build</code>, which needs Node.js, and start it again.
Streams play all the same: add <code>/index.m3u8</code> to this address.</p>
`

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		httpd.Problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed", "This address can only be read.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	content, tag := f.content, f.tag
	if f.gzipped != nil && httpd.AcceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
		content, tag = f.gzipped, strings.TrimSuffix(tag, `"`)+`-gz"`
	}
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
