package httpd

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"weir/pipeline"
)

// Mount serves the resources of one kind below stream paths. A URL's path is the
// stream's path, as long as Pattern has segments, and behind it the leaf:
// "/live/studio/index.m3u8" under "live/{name}" is the stream "live/studio" and
// the leaf "index.m3u8".
type Mount struct {
	Pattern pipeline.Pattern
	// Leaves are patterns of package path for the leaf: "*.m3u8". "" is the stream's
	// own page; "whip/*" has two segments.
	Leaves []string
	// Serve answers. path satisfies pipeline.ValidPath; leaf is "" or segments of
	// letters, digits and "._~-" that start with none of "." and "-". All methods
	// arrive here.
	Serve func(w http.ResponseWriter, r *http.Request, path, leaf string)
	// Lean: players ask for these resources many times a second. Serve gives a
	// Content-Length, does not change the request's header, and keeps neither the
	// request nor anything of it when it returns.
	Lean bool
}

// table is one state of the routes, never changed once it is published.
type table struct {
	exact    map[string]http.Handler
	subtrees []subtree // longest first
	mounts   []*mount  // most specific first, then newest first
}

type subtree struct {
	prefix  string // ends with "/"
	handler http.Handler
}

// mount is a Mount with a place of its own in memory.
type mount struct{ Mount }

// Mount adds a mount; unmount takes it away again. Both may be called at any time
// from any goroutine. Of mounts that fit a request, the one with the most
// specific pattern answers; of equals the newest, so that a successor can be
// mounted before its predecessor goes.
func (s *Server) Mount(m Mount) (unmount func()) {
	e := &mount{Mount: m}
	e.Leaves = slices.Clone(m.Leaves)
	s.change(func(t *table) {
		t.mounts = slices.Insert(slices.Clone(t.mounts), 0, e)
		slices.SortStableFunc(t.mounts, func(a, b *mount) int { return a.Pattern.Compare(b.Pattern) })
	})
	return func() {
		s.change(func(t *table) {
			t.mounts = slices.DeleteFunc(slices.Clone(t.mounts), func(m *mount) bool { return m == e })
		})
	}
}

// Handle adds a fixed route, which comes before all mounts: a pattern that ends
// with "/" is a subtree, of which the longest wins, any other one is one path.
// "/" is the home page alone. The same pattern again replaces the handler.
func (s *Server) Handle(pattern string, h http.Handler) {
	s.change(func(t *table) {
		if pattern == "/" || !strings.HasSuffix(pattern, "/") {
			exact := maps.Clone(t.exact)
			exact[pattern] = h
			t.exact = exact
			return
		}
		subs := slices.DeleteFunc(slices.Clone(t.subtrees), func(s subtree) bool { return s.prefix == pattern })
		subs = append(subs, subtree{pattern, h})
		slices.SortStableFunc(subs, func(a, b subtree) int { return len(b.prefix) - len(a.prefix) })
		t.subtrees = subs
	})
}

// change publishes an altered copy of the table. f replaces what it alters.
func (s *Server) change(f func(*table)) {
	s.changing.Lock()
	defer s.changing.Unlock()
	t := *s.routes.Load()
	f(&t)
	s.routes.Store(&t)
}

// route answers one request.
func (t *table) route(w http.ResponseWriter, r *http.Request) {
	url := r.URL.Path
	if h := t.fixed(url); h != nil {
		h.ServeHTTP(w, r)
		return
	}
	if d, ok := t.find(url); ok {
		d.mount.Serve(w, r, d.path, d.leaf)
		return
	}
	if name, slash := strings.CutSuffix(url, "/"); slash {
		if d, ok := t.find(name); ok && d.leaf == "" {
			redirect(w, r, name)
			return
		}
	}
	notFound(w)
}

// fixed is the handler of a fixed route, or nil.
func (t *table) fixed(url string) http.Handler {
	if h, ok := t.exact[url]; ok {
		return h
	}
	for _, sub := range t.subtrees {
		if strings.HasPrefix(url, sub.prefix) {
			return sub.handler
		}
	}
	return nil
}

// destination is what a URL's path means.
type destination struct {
	mount      *mount
	path, leaf string
}

// find is the mount that answers for a URL's path.
func (t *table) find(url string) (destination, bool) {
	name, rooted := strings.CutPrefix(url, "/") // "OPTIONS *" is not
	segs, ok := segments(name)
	if !ok || !rooted {
		return destination{}, false
	}
	for _, m := range t.mounts {
		n := m.Pattern.Segments()
		if !m.matches(segs) {
			continue
		}
		if leaf := strings.Join(segs[n:], "/"); m.hasLeaf(leaf) {
			return destination{m, strings.Join(segs[:n], "/"), leaf}, true
		}
	}
	return destination{}, false
}

// lean is the destination of a URL's path, if that is a mount's that is Lean.
func (t *table) lean(url string) (destination, bool) {
	if t.fixed(url) != nil {
		return destination{}, false
	}
	d, ok := t.find(url)
	return d, ok && d.mount.Lean
}

func notFound(w http.ResponseWriter) {
	Problem(w, http.StatusNotFound, "not_found", "Not found", "There is nothing at this address.")
}

func redirect(w http.ResponseWriter, r *http.Request, to string) {
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusPermanentRedirect)
}

func (m *mount) matches(segs []string) bool {
	return m.Pattern.Leads(segs) && pipeline.ValidPath(strings.Join(segs[:m.Pattern.Segments()], "/")) == nil
}

func (m *mount) hasLeaf(leaf string) bool {
	return slices.ContainsFunc(m.Leaves, func(p string) bool {
		ok, err := path.Match(p, leaf)
		return ok && err == nil
	})
}

// The longest names that are looked up: a path of four segments and a leaf of
// three, of which the last may be a long file name.
const (
	maxSegments     = 7
	maxSegmentBytes = 128
)

// segments splits a URL's path and refuses what no mount can mean.
func segments(name string) ([]string, bool) {
	if len(name) > maxSegments*(maxSegmentBytes+1) || strings.Count(name, "/") >= maxSegments {
		return nil, false
	}
	segs := strings.Split(name, "/")
	return segs, !slices.ContainsFunc(segs, func(s string) bool { return !validSegment(s) })
}

func validSegment(s string) bool {
	if s == "" || len(s) > maxSegmentBytes || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == '~', c == '-':
		default:
			return false
		}
	}
	return true
}
