package hls

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
	"weir/pipeline/stagetest"
)

// asked is a request under way.
type asked struct {
	answer chan *httptest.ResponseRecorder
	cancel context.CancelFunc
}

// ask sends a request from a client of that address and does not wait for the
// answer.
func (s *studio) ask(t *testing.T, client, leaf string) *asked {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a := &asked{answer: make(chan *httptest.ResponseRecorder, 1), cancel: cancel}
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/"+testPath+"/"+leaf, nil)
	r.RemoteAddr = client
	go func() {
		w := httptest.NewRecorder()
		s.site.ServeHTTP(w, r)
		a.answer <- w
	}()
	return a
}

// waits says whether the request is still waiting. Only within a bubble.
func (a *asked) waits() bool {
	synctest.Wait()
	return len(a.answer) == 0
}

// status is the answer's status and problem code, "" if it still waits.
func (a *asked) status() string {
	if a.waits() {
		return ""
	}
	w := <-a.answer
	a.answer <- w
	var p struct{ Code string }
	_ = json.Unmarshal(w.Body.Bytes(), &p)
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", p.Code))
}

// elapse lets a bubble's time go on, and what is due then happen.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestBlockingReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		items := stagetest.Movie(stagetest.Both(), 10*time.Second)
		early := s.ask(t, "10.0.0.1:1", "video.m3u8")
		index := s.ask(t, "10.0.0.1:2", "index.m3u8")
		if !early.waits() || !index.waits() {
			t.Fatal("a request before the first playlist did not wait")
		}
		feedUntil := func(d time.Duration) {
			for len(items) > 0 {
				if u, ok := items[0].(*media.Unit); ok && u.Time() > d {
					return
				}
				s.take(items[0])
				items = items[1:]
			}
		}
		feedUntil(2500 * time.Millisecond) // segment 1, and two parts of segment 2
		if early.status() != "200" || index.status() != "200" {
			t.Fatal("the first playlist released nobody")
		}
		for query, want := range map[string]string{
			"":                                "200",
			"?_HLS_msn=1":                     "200",
			"?_HLS_msn=2&_HLS_part=1":         "200",
			"?_HLS_msn=0&_HLS_part=99":        "200",
			"?x=1&_HLS_skip=YES&y&_HLS_foo=9": "200",
			"?_HLS_msn=4":                     "400 bad_request",
			"?_HLS_msn=18446744073709551615":  "400 bad_request",
			"?_HLS_msn=-1":                    "400 bad_request",
			"?_HLS_msn=":                      "400 bad_request",
			"?_HLS_msn=1e3":                   "400 bad_request",
			"?_HLS_part=1":                    "400 bad_request",
			"?_HLS_msn=2&_HLS_part=40":        "400 bad_request",
			"?_HLS_msn=2&_HLS_part=x":         "400 bad_request",
		} {
			if got := s.ask(t, "10.0.0.1:3", "video.m3u8"+query).status(); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		next := s.ask(t, "10.0.0.1:4", "video.m3u8?_HLS_msn=2&_HLS_part=2")
		rolled := s.ask(t, "10.0.0.1:5", "video.m3u8?_HLS_msn=1&_HLS_part=10") // is 2, 0
		segment := s.ask(t, "10.0.0.1:6", "video.m3u8?_HLS_msn=2")
		hint := s.ask(t, "10.0.0.1:7", "video-token-p12.m4s")
		if !next.waits() || !hint.waits() || !segment.waits() || rolled.status() != "200" {
			t.Fatal("a request for the future did not wait")
		}
		feedUntil(2700 * time.Millisecond)
		if next.status() != "200" || hint.status() != "200" || !segment.waits() {
			t.Error("the next part did not release who waited for it")
		}
		feedUntil(4100 * time.Millisecond)
		if segment.status() != "200" {
			t.Error("the next segment did not release who waited for it")
		}
		last := s.ask(t, "10.0.0.1:8", "video.m3u8?_HLS_msn=4")
		never := s.ask(t, "10.0.0.1:8", "video-token-p21.m4s")
		if !last.waits() || never.status() != "404 not_found" {
			t.Error("a part beyond the hinted one is not 404")
		}
		s.end()
		if last.status() != "200" {
			t.Error("the end of the stream did not release who waited")
		}
	})
}

func TestStalledStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		s.feed(stagetest.Movie(stagetest.Both(), 3*time.Second))
		playlist := s.ask(t, "10.0.0.1:1", "video.m3u8?_HLS_msn=3")
		gone := s.ask(t, "10.0.0.1:2", "video.m3u8?_HLS_msn=3")
		if !playlist.waits() || !gone.waits() {
			t.Fatal("requests did not wait")
		}
		gone.cancel()
		if gone.waits() {
			t.Error("a client that has gone is still waited for")
		}
		elapse(6*time.Second - time.Millisecond)
		if !playlist.waits() {
			t.Error("gave up before three target durations")
		}
		elapse(time.Millisecond)
		if got := playlist.status(); got != "503 stream_stalled" {
			t.Errorf("after three target durations: %s", got)
		}
	})
}

// T13: thousands of held requests, then the publisher stalls. In the bubble, the
// test ends only once every goroutine has.
func TestManyHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		s.feed(stagetest.Movie(stagetest.Both(), 3*time.Second))
		var all []*asked
		for i := range 5000 {
			client := fmt.Sprintf("10.0.%d.%d:1000", i/200, i%200)
			all = append(all, s.ask(t, client, "video.m3u8?_HLS_msn=3"))
		}
		count := map[string]int{}
		for _, a := range all {
			count[a.status()]++
		}
		if count[""] != 2000 || count["503 overloaded"] != 3000 {
			t.Fatalf("5000 requests: %v", count)
		}
		elapse(6 * time.Second)
		clear(count)
		for _, a := range all {
			count[a.status()]++
		}
		if count["503 stream_stalled"] != 2000 {
			t.Errorf("after the stall: %v", count)
		}
	})
}

func TestHoldsOfOneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		s.feed(stagetest.Movie(stagetest.Both(), 3*time.Second))
		for range 3 {
			if !s.ask(t, "10.0.0.1:1000", "video.m3u8?_HLS_msn=3").waits() {
				t.Fatal("a request did not wait")
			}
		}
		if got := s.ask(t, "10.0.0.1:1000", "video.m3u8?_HLS_msn=3").status(); got != "429 too_many_waiting" {
			t.Errorf("the fourth request: %q", got)
		}
		if !s.ask(t, "10.0.0.1:1000", "audio.m3u8?_HLS_msn=3").waits() {
			t.Error("the limit counts other renditions")
		}
		elapse(time.Minute)
		s.holds.mu.Lock()
		defer s.holds.mu.Unlock()
		if len(s.holds.byClient)+len(s.holds.byAddress)+s.holds.waiting != 0 {
			t.Errorf("left behind: %d holds, %v, %v", s.holds.waiting, s.holds.byClient, s.holds.byAddress)
		}
	})
}

func TestOffline(t *testing.T) {
	s := newStudio(t, nil)
	for _, leaf := range []string{"index.m3u8", "video.m3u8", "video-token-1.m4s"} {
		w := httptest.NewRecorder()
		s.site.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live/nobody/"+leaf, nil))
		if w.Code != http.StatusNotFound || w.Header().Get("Retry-After") == "" ||
			!strings.Contains(w.Body.String(), `"code":"stream_offline"`) {
			t.Errorf("%s: %d %v %s", leaf, w.Code, w.Header(), w.Body)
		}
	}
}

func TestNotThere(t *testing.T) {
	s := newStudio(t, nil)
	s.feed(stagetest.Movie(stagetest.Both(), 30*time.Second))
	for _, leaf := range []string{
		"video-token-1.m4s",  // has left the window
		"video-token-99.m4s", // is not there yet
		"video-other-14.m4s", "video-token-14.ts", "video-token-014.m4s", "video-14.m4s", "14.m4s", "x.m4s",
		"video-token-p0.m4s", "video-token-p999.m4s", "video-token-p.m4s", "video-other-p149.m4s",
		"video-token-i1.mp4", "other-token-14.m4s", "other.m3u8", ".m3u8", "video-hd.m3u8", "-.m4s", "--.m4s",
	} {
		if res := s.get(t, leaf); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", leaf, res.Status)
		}
	}
}

// respond sends a request with headers, as "Name: value".
func (s *studio) respond(t *testing.T, method, leaf string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/"+testPath+"/"+leaf, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.site.ServeHTTP(w, r)
	return w
}

func TestHeaders(t *testing.T) {
	s := newStudio(t, nil)
	s.feed(stagetest.Movie(stagetest.Both(), 5*time.Second))
	cases := []struct {
		leaf, kind, caching string
	}{
		{"index.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1"},
		{"video.m3u8", "application/vnd.apple.mpegurl", "no-cache"},
		{"video.m3u8?_HLS_msn=1", "application/vnd.apple.mpegurl", "public, max-age=6"},
		{"video-token-1.m4s", "video/mp4", "public, max-age=31536000, immutable"},
		{"video-token-p1.m4s", "video/mp4", "public, max-age=31536000, immutable"},
		{"video-token-i0.mp4", "video/mp4", "public, max-age=31536000, immutable"},
	}
	for _, c := range cases {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := s.respond(t, method, c.leaf)
			h := w.Header()
			if w.Code != http.StatusOK || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.caching ||
				h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Content-Length") == "0" {
				t.Errorf("%s %s: %d %v", method, c.leaf, w.Code, h)
			}
			if (w.Body.Len() == 0) != (method == http.MethodHead) {
				t.Errorf("%s %s: %d bytes", method, c.leaf, w.Body.Len())
			}
		}
	}
	w := s.respond(t, http.MethodOptions, "video.m3u8", "Access-Control-Request-Method: GET")
	if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("OPTIONS: %d %v", w.Code, w.Header())
	}
	if w := s.respond(t, http.MethodPost, "video.m3u8"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestRange(t *testing.T) {
	s := newStudio(t, nil)
	s.feed(stagetest.Movie(stagetest.Both(), 5*time.Second))
	whole := s.text(t, "video-token-1.m4s")
	for header, want := range map[string]string{
		"bytes=0-9":      whole[:10],
		"bytes=500-1999": whole[500:2000],
		"bytes=-7":       whole[len(whole)-7:],
		"bytes=10-":      whole[10:],
	} {
		w := s.respond(t, http.MethodGet, "video-token-1.m4s", "Range: "+header)
		if w.Code != http.StatusPartialContent || w.Body.String() != want {
			t.Errorf("%s: %d, %d bytes, want %d", header, w.Code, w.Body.Len(), len(want))
		}
	}
	if w := s.respond(t, http.MethodGet, "video-token-1.m4s", "Range: bytes=9999999-"); w.Code != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range behind the end: %d", w.Code)
	}
}

func TestGzip(t *testing.T) {
	s := newStudio(t, nil)
	s.feed(stagetest.Movie(stagetest.Both(), 5*time.Second))
	for accept, zipped := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "*": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0.0": false,
	} {
		w := s.respond(t, http.MethodGet, "video.m3u8", "Accept-Encoding: "+accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: gzip is %v", accept, got)
		}
		body := io.Reader(bytes.NewReader(w.Body.Bytes()))
		if zipped {
			var err error
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		if b, _ := io.ReadAll(body); string(b) != s.text(t, "video.m3u8") {
			t.Errorf("%q: another playlist", accept)
		}
	}
}

// A viewer's first request wakes a pipeline that runs on demand, and is answered
// once there is a playlist.
func TestDemanded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		other := &studio{registry: newRegistry(), site: httpd.New(httpd.Config{}), cfg: s.cfg}
		woken := 0
		d := &desk{registry: other.registry, holds: newHolds(), policy: access.Keys{}, when: pipeline.Demanded, wake: func(string) error {
			woken++
			other.open(t, "token")
			return nil
		}}
		pattern, _ := pipeline.ParsePattern("live/{name}")
		other.site.Mount(httpd.Mount{Pattern: pattern, Leaves: leaves(), Serve: d.serve})

		index := other.ask(t, "10.0.0.1:1", "index.m3u8")
		if !index.waits() || woken != 1 {
			t.Fatalf("woken %d times", woken)
		}
		other.feed(stagetest.Movie(stagetest.Both(), 3*time.Second))
		if got := index.status(); got != "200" {
			t.Fatal(got)
		}
		other.end()
		again := other.ask(t, "10.0.0.1:1", "index.m3u8")
		if again.waits(); woken != 2 {
			t.Errorf("a request after the end: woken %d times", woken)
		}
		elapse(time.Minute)
	})
}

// After the end, the last playlist lingers; then the stream is offline.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		s.feed(stagetest.Movie(stagetest.Both(), 3*time.Second))
		s.end()
		s.registry.leave(testPath, s.store, 30*time.Second)
		elapse(29 * time.Second)
		if text := s.text(t, "video.m3u8"); !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") {
			t.Errorf("the last playlist is not ended:\n%s", text)
		}
		elapse(time.Second)
		if got := s.ask(t, "10.0.0.1:1", "video.m3u8").status(); got != "404 stream_offline" {
			t.Errorf("after lingering: %s", got)
		}
	})
}

// A run that follows another continues its playlist; who waits goes over to it.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		both := stagetest.Both()
		set, _ := clip(t, "h264-aac.mp4")
		both.Tracks[0].Config = set.Track("video").Config
		s.feed(movie(both, 0, 5*time.Second))
		waiting := s.ask(t, "10.0.0.1:1", "video.m3u8?_HLS_msn=4")
		if !waiting.waits() {
			t.Fatal("the request did not wait")
		}
		s.finish() // as when the stage is restarted
		s.open(t, "second")
		before := s.text(t, "video.m3u8")
		if !strings.Contains(before, "video-token-3.m4s") || strings.Contains(before, "ENDLIST") {
			t.Errorf("the second run does not show the first one's segments:\n%s", before)
		}
		s.feed(movie(both, 8*time.Second, 3*time.Second))
		if got := waiting.status(); got != "200" {
			t.Errorf("who waited for the first run: %q", got)
		}
		s.end()
		lists := s.check(t)
		for name, want := range map[string]string{"video": "2s 2s 1s | 2s 1s", "audio": "2.01s 2.01s 1s | 2.01s 1s"} {
			if got := lists[name].outline(); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	})
}

func TestViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newViewers()
		if v.any() {
			t.Error("somebody is there before anybody has come")
		}
		for i := range 30 {
			if _, err := v.note(&guest{address: fmt.Sprintf("10.0.0.%d", i%10)}); err != nil {
				t.Error(err)
			}
		}
		if n := v.count(time.Now()); n != 10 || !v.any() {
			t.Errorf("%d viewers", n)
		}
		elapse(viewerFor + time.Second)
		if n := v.count(time.Now()); n != 0 || v.any() {
			t.Errorf("%d viewers later", n)
		}
	})
}
