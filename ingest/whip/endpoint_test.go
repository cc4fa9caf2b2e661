package whip

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
)

const (
	sdpType  = "Content-Type: application/sdp"
	fragType = "Content-Type: application/trickle-ice-sdpfrag"
	bearer   = "Authorization: Bearer " + key
)

func sample(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/obs.sdp")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// RFC 9725 section 4.2 and what is around it.
func TestStatusCodes(t *testing.T) {
	offer := sample(t)
	synctest.Test(t, func(t *testing.T) {
		cfg := open()
		cfg.Keys = []pipeline.Secret{pipeline.NewSecret("path-key")}
		s := newStudio(t, pipeline.Published, cfg)
		for _, c := range []struct {
			name, method, leaf, body string
			headers                  []string
			status                   int
			code                     string
		}{
			{"no key", "POST", "whip", offer, []string{sdpType}, 401, "credentials_missing"},
			{"another scheme", "POST", "whip", offer, []string{sdpType, "Authorization: Basic " + key}, 401, "credentials_missing"},
			{"another key", "POST", "whip", offer, []string{sdpType, "Authorization: Bearer wrong"}, 401, "credentials_wrong"},
			{"a key in the path", "POST", "whip/path-key", offer, []string{sdpType}, 201, ""},
			{"another key in the path", "POST", "whip/wrong", offer, []string{sdpType}, 401, "credentials_wrong"},
			{"a key in the query", "POST", "whip?key=" + url.QueryEscape(key), offer, []string{sdpType}, 401, "credentials_wrong"}, // + is +
			{"a token in the query", "POST", "whip?token=" + url.PathEscape(key), offer, []string{sdpType}, 201, ""},
			{"no type", "POST", "whip", offer, []string{bearer}, 415, "media_type"},
			{"another type", "POST", "whip", offer, []string{"Content-Type: text/plain", bearer}, 415, "media_type"},
			{"too long", "POST", "whip", strings.Repeat("x", 70000), []string{sdpType, bearer}, 413, "too_large"},
			{"no SDP", "POST", "whip", "hello", []string{sdpType, bearer}, 400, "sdp_malformed"},
			{"a viewer", "POST", "whip", strings.ReplaceAll(offer, "sendonly", "recvonly"), []string{sdpType, bearer}, 406, "sdp_unsupported"},
			{"holdconn", "POST", "whip", strings.ReplaceAll(offer, "actpass", "holdconn"), []string{sdpType, bearer}, 422, "sdp_unprocessable"},
			{"get", "GET", "whip", "", []string{bearer}, 405, "method_not_allowed"},
			{"put", "PUT", "whip", offer, []string{sdpType, bearer}, 405, "method_not_allowed"},
			{"patch the endpoint", "PATCH", "whip", "", []string{bearer}, 405, "method_not_allowed"},
			{"post to a session", "POST", "whip/ABC", offer, []string{sdpType, bearer}, 405, "method_not_allowed"},
			{"patch nothing", "PATCH", "whip/ABC", "", []string{fragType}, 404, "no_session"},
			{"delete nothing", "DELETE", "whip/ABC", "", nil, 200, ""},
			{"options", "OPTIONS", "whip", "", nil, 204, ""},
			{"options of a session", "OPTIONS", "whip/ABC", "", nil, 204, ""},
			{"client that starts DTLS", "POST", "whip", strings.ReplaceAll(offer, "actpass", "active"), []string{sdpType, bearer}, 201, ""},
			{"client that awaits DTLS", "POST", "whip", strings.ReplaceAll(offer, "actpass", "passive"), []string{sdpType, bearer}, 201, ""},
			{"with a charset", "POST", "whip", offer, []string{"Content-Type: application/sdp; charset=utf-8", "Authorization: bearer " + key}, 201, ""},
		} {
			r := s.do(c.method, c.leaf, c.body, c.headers...)
			body := text(r)
			if r.StatusCode != c.status || c.code != "" && !strings.Contains(body, `"code":"`+c.code+`"`) {
				t.Errorf("%s: %s %s", c.name, r.Status, body)
			}
			if at := r.Header.Get("Location"); strings.Contains(at, "key") || strings.Contains(at, "?") {
				t.Errorf("%s: %s", c.name, at)
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "*" || strings.Contains(body, key) {
				t.Errorf("%s: %v %s", c.name, r.Header, body)
			}
		}
		r := s.do("OPTIONS", "whip", "")
		for name, want := range map[string]string{
			"Accept-Post": "application/sdp", "Allow": "OPTIONS, POST",
			"Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		for _, c := range []struct{ offer, answer string }{{"active", "passive"}, {"passive", "active"}, {"actpass", "passive"}} {
			body := text(s.post(strings.ReplaceAll(offer, "actpass", c.offer)))
			if strings.Count(body, "a=setup:"+c.answer+"\r\n") != 2 {
				t.Errorf("%s is answered with\n%s", c.offer, body)
			}
		}
	})
}

func TestKeyless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, defaults())
		r := s.post(sample(t))
		if body := text(r); r.StatusCode != http.StatusForbidden || !strings.Contains(body, "set key in its ingest stage") {
			t.Errorf("%s %s", r.Status, body)
		}
	})
}

// T3: offers that lead to nothing are bounded, and said to be too many.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Demanded, open())
		offer := sample(t)
		for round := range 3 {
			taken, busy := 0, 0
			for range 100 {
				switch r := s.post(offer); {
				case r.StatusCode == http.StatusCreated:
					taken++
				case r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
					busy++
				default:
					t.Fatal(r.Status, text(r))
				}
			}
			if taken != 8 || busy != 92 {
				t.Errorf("round %d: %d taken, %d refused", round, taken, busy)
			}
			time.Sleep(11 * time.Second)
		}
	})
}

// R3 and RFC 9725 section 4.3: candidates, and ICE restarts that keep the stream.
func TestPatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		p := s.publish(both())
		<-p.Connected
		moving := make(chan struct{})
		go func() { p.Movie(t, 4*time.Second, 3); close(moving) }()
		time.Sleep(time.Second)

		const candidate = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"
		patch := func(want int, body string, headers ...string) *http.Response {
			t.Helper()
			r := s.do("PATCH", p.session, body, headers...)
			if r.StatusCode != want {
				t.Errorf("%q: %s %s", headers, r.Status, text(r))
			}
			return r
		}
		match := "If-Match: " + p.etag
		patch(204, candidate, fragType, match)
		patch(428, candidate, fragType)
		patch(412, candidate, fragType, `If-Match: "another"`)
		patch(415, candidate, sdpType, match)
		patch(400, "hello", fragType, match)
		patch(400, "a=ice-ufrag:AAAA\r\na=ice-pwd:BBBBBBBBBBBBBBBBBBBBBB\r\n", fragType, match)
		patch(400, candidate, fragType, "If-Match: *") // a restart without credentials
		patch(400, "a=ice-ufrag:A\r\na=ice-pwd:B\r\n", fragType, "If-Match: *")

		fragment, accept := p.Restart(t)
		r := patch(200, fragment, fragType, "If-Match: *")
		etag := r.Header.Get("ETag")
		if etag == p.etag || !strings.HasPrefix(etag, `"`) || r.Header.Get("Content-Type") != mimeFragment {
			t.Errorf("%v", r.Header)
		}
		accept(text(r))
		patch(204, fragment, fragType, "If-Match: *") // candidates of clients that always send *
		patch(412, candidate, fragType, match)
		patch(204, candidate, fragType, "If-Match: "+etag)
		<-moving
		time.Sleep(100 * time.Millisecond)
		if got := s.check(); strings.Contains(got, "D:") || strings.Count(got, "[") != 1 {
			t.Error(got)
		}
		if st := s.status(); st.Sessions != 1 || st.State != "publishing" {
			t.Errorf("%+v", st)
		}
		for range 8 {
			patch(204, candidate, fragType, "If-Match: "+etag)
		}
		if r := patch(429, candidate, fragType, "If-Match: "+etag); r.Header.Get("Retry-After") == "" {
			t.Error("when may it come again?")
		}
	})
}

// Sessions belong to their paths, and their names cannot be guessed.
func TestSessionNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		seen := map[string]bool{}
		for range 4 {
			r := s.post(sample(t))
			id := strings.TrimPrefix(r.Header.Get("Location"), "/live/studio/whip/")
			if len(id) != 26 || seen[id] || strings.ContainsAny(id, "/?") {
				t.Errorf("%q", r.Header.Get("Location"))
			}
			seen[id] = true
		}
		for id := range seen {
			if found := s.sessions.find("live/other", id); found != nil {
				t.Error("a session is found at another path")
			}
			if s.sessions.find("live/studio", id) == nil {
				t.Error("a session is not found")
			}
		}
	})
}
