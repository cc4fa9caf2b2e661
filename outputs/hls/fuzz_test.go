package hls

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/pipeline/stagetest"
)

// Whatever is asked for, the answer is one of a few, at once if nothing is to be
// waited for.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"index.m3u8", "video.m3u8?_HLS_msn=2&_HLS_part=3&_HLS_skip=YES", "audio.m3u8?_HLS_part=1", "video-token-2.m4s",
		"video-token-p7.m4s", "video-token-i0.mp4", "video-token-2.ts", "--.m4s", "video.m3u8?_HLS_msn=99999999999999999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		leaf, query, _ := strings.Cut(target, "?")
		s := newStudio(t, nil)
		s.holds.total = 0 // nothing waits
		s.feed(stagetest.Movie(stagetest.Both(), 5*time.Second))
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: "/" + testPath + "/" + leaf, RawQuery: query}
		s.site.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK:
			if w.Body.Len() == 0 {
				t.Errorf("%q: an empty answer", target)
			}
		case http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable, http.StatusPermanentRedirect:
		default:
			t.Errorf("%q: %d", target, w.Code)
		}
		if n, ok := parseLeaf(leaf); ok && n.kind == 0 && n.rendition+"-"+n.token == "" {
			t.Errorf("%q: an empty name", leaf)
		}
	})
}
