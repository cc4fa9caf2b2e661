package hls

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/access"
	"weir/pipeline/access/accesstest"
	"weir/pipeline/stagetest"
)

const link = "exp=1790000000&kid=main&sig=c2lnbmF0dXJl"

// plays lets in who shows a token.
func plays(token, subject string) accesstest.Rule {
	return accesstest.Rule{Action: access.Play, Path: testPath, Token: token, Subject: subject}
}

// uris are what a playlist refers to.
func uris(playlist string) []string {
	var all []string
	for _, match := range regexp.MustCompile(`(?m)^([^#\n].*)$|URI="(.*?)"`).FindAllStringSubmatch(playlist, -1) {
		all = append(all, match[1]+match[2])
	}
	return all
}

// askWith is the answer to a request with these headers, in pairs.
func (s *studio) askWith(t *testing.T, leaf string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+testPath+"/"+leaf, nil)
	r.RemoteAddr = "192.0.2.1:4711"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.site.ServeHTTP(w, r)
	return w
}

// A link leads through a whole session, with cookies and without: whatever the playlists
// refer to can be had, and with cookies it has the same address for everybody.
func TestLinks(t *testing.T) {
	s := newStudio(t, nil)
	s.policy = accesstest.NewScript(plays(link, "link"))
	s.feed(movie(stagetest.Both(), 0, 9*time.Second))
	s.end()
	for _, cookies := range []bool{true, false} {
		kept := ""
		seen := map[string]bool{}
		var visit func(leaf string)
		visit = func(leaf string) {
			if seen[leaf] {
				return
			}
			seen[leaf] = true
			w := s.askWith(t, leaf, "Cookie", "a=b; "+kept)
			if w.Code != http.StatusOK {
				t.Errorf("cookies: %v, %s: %d %s", cookies, leaf, w.Code, w.Body)
			}
			name, query, _ := strings.Cut(leaf, "?")
			if set := w.Header().Get("Set-Cookie"); set != "" && cookies {
				kept, _, _ = strings.Cut(set, ";")
			}
			caching := w.Header().Get("Cache-Control")
			if strings.HasSuffix(name, playlistExt) {
				if strings.Contains(caching, "public") {
					t.Errorf("%s may be kept for others: %s", leaf, caching)
				}
				for _, uri := range uris(w.Body.String()) {
					visit(uri)
				}
				return
			}
			if caching != immutableCaching || cookies != (query == "") {
				t.Errorf("cookies: %v, %s: %s", cookies, leaf, caching)
			}
		}
		visit("index.m3u8?" + link)
		if len(seen) < 20 {
			t.Errorf("cookies: %v: only %d resources", cookies, len(seen))
		}
		for leaf := range seen {
			if name, _, _ := strings.Cut(leaf, "?"); s.askWith(t, name).Code != http.StatusUnauthorized {
				t.Errorf("%s is there without the link", name)
			}
		}
	}
}

func TestCookie(t *testing.T) {
	s := newStudio(t, nil)
	script := accesstest.NewScript(plays("old=1", "old"), plays("t", "token"), plays("sig=\"", "odd"),
		accesstest.Rule{Action: access.Play, Path: testPath, Token: link, Subject: "link", Expires: time.Now().Add(time.Minute)})
	s.policy = script
	s.feed(movie(stagetest.Both(), 0, 3*time.Second))
	for _, c := range []struct {
		name, leaf string
		headers    []string
		status     int
		cookie     string // a pattern
		carried    bool
	}{
		{"a link", "index.m3u8?" + link, nil, 200, `^weir_play=` + link + `; Path=/live/studio/; HttpOnly; Max-Age=(59|60); SameSite=Lax$`, true},
		{"by TLS at a proxy", "index.m3u8?" + link, []string{"X-Forwarded-Proto", "https"}, 200, `Max-Age=\d+; Secure; SameSite=None; Partitioned$`, true},
		{"back with its cookie", "video.m3u8?_HLS_msn=1&" + link, []string{"Cookie", "weir_play=" + link}, 200, `^$`, false},
		{"the cookie alone", "video.m3u8?_HLS_msn=1", []string{"Cookie", "x=y;weir_play=" + link}, 200, `^$`, false},
		{"a new link beside an old cookie", "video.m3u8?" + link, []string{"Cookie", "weir_play=gone=1"}, 200, `^weir_play=` + link, true},
		{"an old link beside a new cookie", "video.m3u8?gone=1", []string{"Cookie", "weir_play=" + link}, 200, `^$`, false},
		{"a cookie of no use", "video.m3u8", []string{"Cookie", "weir_play=gone=1"}, 401, `^$`, false},
		{"a bearer token", "index.m3u8", []string{"Authorization", "Bearer t"}, 200, `^$`, false},
		{"a token in the query", "index.m3u8?token=t", nil, 200, `^weir_play=token=t; Path=/live/studio/; HttpOnly; SameSite=Lax$`, true},
		{"what no cookie can hold", "index.m3u8?sig=\"", nil, 200, `^$`, false},
		{"a part", "video-token-p1.m4s?" + link, nil, 200, `^$`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := s.askWith(t, c.leaf, c.headers...)
			if set := w.Header().Get("Set-Cookie"); w.Code != c.status || !regexp.MustCompile(c.cookie).MatchString(set) {
				t.Errorf("%d %q", w.Code, set)
			}
			if got := strings.Contains(w.Body.String(), ".m3u8?") || strings.Contains(w.Body.String(), ".m4s?"); got != c.carried {
				t.Errorf("carried: %v\n%s", got, w.Body)
			}
		})
	}
	// Whoever may watch without showing anything has no use for any of this.
	s.policy = nil
	if w := s.askWith(t, "index.m3u8?utm_source=mail"); w.Code == 200 {
		if w.Header().Get("Set-Cookie") != "" || strings.Contains(w.Body.String(), "utm_source") || w.Header().Get("Cache-Control") != indexCaching {
			t.Errorf("%v\n%s", w.Header(), w.Body)
		}
	} else {
		t.Error(w.Code)
	}
}

// Whoever may not watch is told that, and not whether there is something to watch.
func TestRefused(t *testing.T) {
	for _, running := range []bool{true, false} {
		s := newStudio(t, nil)
		if running {
			s.feed(movie(stagetest.Both(), 0, 3*time.Second))
		} else {
			s.registry.remove(testPath, s.registry.stores[testPath])
		}
		s.policy = accesstest.NewScript(
			accesstest.Rule{Action: access.Play, Path: "live/other", Token: "other"},
			accesstest.Rule{Action: access.Play, Path: testPath, Token: "old", Expires: time.Now().Add(-time.Second)},
			accesstest.Rule{Action: access.Play, Path: testPath, Token: "full", Limited: true},
		)
		for _, leaf := range []string{"index.m3u8", "video.m3u8", "nothing.m3u8", "video-token-0.m4s", "nothing.ts"} {
			for query, want := range map[string]string{
				"": "401 credentials_missing", "?token=wrong": "401 credentials_wrong", "?token=old": "401 credentials_expired",
				"?token=other": "403 forbidden", "?token=full": "429 limited",
			} {
				w := s.askWith(t, leaf+query)
				if got := fmt.Sprint(w.Code, " ", code(w)); got != want || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("running: %v, %s: %s, want %s", running, leaf+query, got, want)
				}
			}
		}
	}
}

// code is a problem's.
func code(w *httptest.ResponseRecorder) string {
	match := regexp.MustCompile(`"code":"(.*?)"`).FindStringSubmatch(w.Body.String())
	if match == nil {
		return ""
	}
	return match[1]
}

// A pass that ends is over at once, for those who wait too; and so is a viewer who was
// sent away, for a minute.
func TestPassEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		expiring := plays("b", "bob")
		expiring.Expires = time.Now().Add(5 * time.Second)
		script := accesstest.NewScript(plays("a", "ann"), expiring)
		s.policy = script
		items := movie(stagetest.Both(), 0, 4*time.Second)
		s.feed(items)
		ask := func(leaf, token string) *asked { return s.ask(t, "192.0.2.1:1", leaf+"?token="+token) }
		if a, b := ask("video.m3u8", "a").status(), ask("video.m3u8", "b").status(); a != "200" || b != "200" {
			t.Fatal(a, b)
		}
		waiting := s.ask(t, "192.0.2.1:1", "video.m3u8?_HLS_msn=2&token=a")
		if !waiting.waits() {
			t.Fatal("it does not wait")
		}
		script.Withdraw("a")
		s.feed(movie(stagetest.Both(), 4*time.Second, 3*time.Second))
		if got := waiting.status(); got != "403 forbidden" {
			t.Errorf("who waited is told %s", got)
		}
		if got := ask("video.m3u8", "a").status(); got != "401 credentials_wrong" {
			t.Error(got)
		}
		if got := ask("video.m3u8", "b").status(); got != "200" {
			t.Error(got)
		}
		elapse(5 * time.Second)
		if got := ask("video.m3u8", "b").status(); got != "401 credentials_expired" {
			t.Error(got)
		}
	})
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		s.policy = accesstest.NewScript(plays("a", "ann"), plays("b", "bob"))
		s.feed(movie(stagetest.Both(), 0, 5*time.Second))
		st := &stage{cfg: s.cfg}
		st.env.Log = slog.New(slog.DiscardHandler)
		if len(st.Sessions()) != 0 || st.Dismiss("0", "") {
			t.Error("somebody is there before there is a stream")
		}
		st.store.Store(s.store)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.store.seen.watch(ctx, func(int) {})
		from := func(address, token string) string {
			return s.ask(t, address, "video.m3u8?token="+token).status()
		}
		began := time.Now()
		for range 10 {
			from("192.0.2.1:1", "a")
			from("192.0.2.1:2", "a")
			elapse(time.Second)
			from("[2001:db8::1]:1", "b")
		}
		all := st.Sessions()
		if len(all) != 2 {
			t.Fatalf("%+v", all)
		}
		for i, want := range []struct {
			remote, subject string
			after           time.Duration
		}{{"192.0.2.1:0", "ann", 0}, {"[2001:db8::1]:0", "bob", time.Second}} {
			if got := all[i]; got.Remote.String() != want.remote || got.Subject != want.subject || got.Protocol != "hls" ||
				got.Since.Sub(began) != want.after || got.Bytes < 10_000 || got.Bitrate < 1000 {
				t.Errorf("%+v", got)
			}
		}
		if !st.Dismiss(all[0].ID, "Enough.") || st.Dismiss(all[0].ID, "Enough.") || st.Dismiss("x", "") {
			t.Error("not the one who was there was sent away")
		}
		if a, b := from("192.0.2.1:3", "a"), from("192.0.2.1:3", "b"); a != "403 dismissed" || b != "200" {
			t.Error(a, b) // another's permission is another viewer
		}
		elapse(59 * time.Second)
		if got := from("192.0.2.1:3", "a"); got != "403 dismissed" {
			t.Error(got)
		}
		elapse(time.Second)
		if got := from("192.0.2.1:3", "a"); got != "200" {
			t.Error(got)
		}
		cancel()
		synctest.Wait()
	})
}

// The connections that are served without package net/http know links too.
func TestLinksOnLeanConnections(t *testing.T) {
	s := newStudio(t, nil)
	s.policy = accesstest.NewScript(plays(link, "link"))
	s.feed(movie(stagetest.Both(), 0, 5*time.Second))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.site.Serve(ctx, ln) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	defer func() {
		tr.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{Transport: tr, Jar: jar}
	base := "http://" + ln.Addr().String() + "/" + testPath + "/"
	get := func(leaf string) string {
		t.Helper()
		res, err := client.Get(base + leaf)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %v", leaf, res.Status, err)
		}
		return string(body)
	}
	for _, uri := range uris(get("index.m3u8?" + link)) {
		list := get(uri)
		for _, part := range uris(list) {
			if strings.Contains(part, "?") {
				t.Errorf("%s refers to %s", uri, part)
			}
		}
		for range 3 {
			get(uris(list)[0])
		}
	}
	if got := s.site.Stats().Lean; got == 0 {
		t.Error("no connection is lean")
	}
	client.Jar = nil
	for _, uri := range uris(get("index.m3u8?" + link)) {
		if list := uris(get(uri)); slices.ContainsFunc(list, func(s string) bool { return !strings.HasSuffix(s, "?"+link) }) {
			t.Errorf("%s refers to %q", uri, list)
		}
	}
}

func TestCookieByTLS(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.TLS = &tls.ConnectionState{}
	if got := newCookie(r, "a/b", "token=x", time.Time{}); got != "weir_play=token=x; Path=/a/b/; HttpOnly; Secure; SameSite=None; Partitioned" {
		t.Error(got)
	}
}

// A policy that hangs costs its own requests, and a viewer who has gone is not answered.
func TestPolicyHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		script := &accesstest.Script{}
		s.policy = script
		release := script.Hold()
		first, gone := s.ask(t, "192.0.2.1:1", "index.m3u8"), s.ask(t, "192.0.2.1:2", "index.m3u8")
		synctest.Wait()
		gone.cancel()
		elapse(4 * time.Second)
		if got := first.status(); got != "503 unavailable" || len(script.Asked()) != 1 {
			t.Error(got, script.Asked())
		}
		release()
		script.Fail(errors.New("secret"))
		elapse(2 * time.Second)
		if got := s.ask(t, "192.0.2.1:1", "index.m3u8").status(); got != "503 unavailable" {
			t.Error(got)
		}
	})
}
