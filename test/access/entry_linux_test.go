//go:build e2e

package access

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"weir/pipeline/access"
)

// What is asked for beside publishing and playing.
const (
	reads  access.Action = "read"
	admins access.Action = "admin"
)

// entry is one way to show something by one protocol.
type entry struct {
	protocol, place string
	action          access.Action
	forms           []form
	// method and leaf are of HTTP; RTMP has none.
	method, leaf string
	// put adds what is shown to a request.
	put func(r *http.Request, p paper)
}

func asBearer(r *http.Request, p paper) { r.Header.Set("Authorization", "Bearer "+p.text) }

func asBasic(r *http.Request, p paper) {
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("somebody:"+p.text)))
}

func inQuery(name string) func(*http.Request, paper) {
	return func(r *http.Request, p paper) {
		if r.URL.RawQuery = p.text; p.form == text {
			r.URL.RawQuery = name + "=" + url.QueryEscape(p.text)
		}
	}
}

func inPath(r *http.Request, p paper) { r.URL.Path += "/" + p.text }

func asCookie(r *http.Request, p paper) {
	if p.form == linked {
		r.Header.Set("Cookie", "weir_link="+p.piece)
		return
	}
	r.Header.Set("Cookie", "weir_session="+p.text)
}

// disguised is a text of which all bytes are encoded.
func disguised(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// disguisedToken shows a token in the query, each of its bytes escaped.
func disguisedToken(r *http.Request, p paper) { r.URL.RawQuery = "token=" + disguised(p.text) }

func entries() []entry {
	texts, cookies, queries := []form{text}, []form{session, linked}, []form{text, linked}
	return []entry{
		{"RTMP", "?key=", access.Publish, texts, "", "", nil},
		{"RTMPS", "?key=", access.Publish, texts, "", "", nil},
		{"WHIP", "bearer", access.Publish, texts, "POST", "whip", asBearer},
		{"WHIP", "password", access.Publish, texts, "POST", "whip", asBasic},
		{"WHIP", "?token=", access.Publish, queries, "POST", "whip", inQuery("token")},
		{"WHIP", "?token=, in disguise", access.Publish, texts, "POST", "whip", disguisedToken},
		{"WHIP", "path", access.Publish, texts, "POST", "whip", inPath},
		{"WHIP", "cookie", access.Publish, cookies, "POST", "whip", asCookie},
		{"WHEP", "bearer", access.Play, texts, "POST", "whep", asBearer},
		{"WHEP", "?jwt=", access.Play, queries, "POST", "whep", inQuery("jwt")},
		{"WHEP", "?token=, in disguise", access.Play, texts, "POST", "whep", disguisedToken},
		{"WHEP", "cookie", access.Play, cookies, "POST", "whep", asCookie},
		{"HLS", "bearer", access.Play, texts, "GET", "index.m3u8", asBearer},
		{"HLS", "password", access.Play, texts, "GET", "index.m3u8", asBasic},
		{"HLS", "?token=", access.Play, queries, "GET", "index.m3u8", inQuery("token")},
		{"HLS", "cookie", access.Play, cookies, "GET", "index.m3u8", asCookie},
		{"HLS segments", "bearer", access.Play, texts, "GET", "video-token-p0.m4s", asBearer},
		{"HLS segments", "cookie", access.Play, cookies, "GET", "video-token-p0.m4s", asCookie},
		{"API, reading", "bearer", reads, texts, "GET", "/v1/streams", asBearer},
		{"API, reading", "cookie", reads, cookies, "GET", "/v1/streams", asCookie},
		{"API, access", "bearer", admins, texts, "GET", "/v1/tokens", asBearer},
		{"API, access", "cookie", admins, cookies, "GET", "/v1/users", asCookie},
		{"profiles", "bearer", admins, texts, "GET", "/debug/pprof/cmdline", asBearer},
	}
}

// streamOf is where an entry leads. Publishers have one each, as they would wait for each
// other.
func (e *entry) streamOf(n int) string {
	switch {
	case e.action == access.Play:
		return "show/a"
	case e.method == "":
		return fmt.Sprint("live/a", n)
	default:
		return fmt.Sprint("web/a", n)
	}
}

// want is what somebody must be told.
func (e *entry) want(p paper, o origin) outcome {
	why := map[access.Action]access.Why{access.Publish: p.publish, access.Play: p.play, reads: p.read, admins: p.admin}[e.action]
	if strings.HasPrefix(e.place, "?") || e.place == "path" {
		if why == "" {
			why = p.url
		}
		if why == "" && e.action == access.Play {
			why = p.urlPlay
		}
	}
	api := e.action == reads || e.action == admins
	switch {
	case e.place == "path" && strings.HasPrefix(p.kind, "JWT"):
		return nowhere // it is too long
	case o.unknown && api:
		return "address_denied"
	case o.unknown:
		return outcome(access.Forbidden)
	case e.action == access.Play && o.local && !strings.HasPrefix(p.kind, "hook"):
		return in // whatever is shown
	case api && p.form == linked:
		return outcome(access.Missing)
	case why == "":
		return in
	case e.method == "":
		return refused
	default:
		return outcome(why)
	}
}
