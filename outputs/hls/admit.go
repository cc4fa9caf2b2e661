package hls

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/pipeline/access"
)

// guest is whoever sent a request and has been let in.
type guest struct {
	address string // without the port, as in http.Request.RemoteAddr
	agent   string
	pass    *access.Pass
	// carry is the query that the URIs in a playlist must have, so that they lead on a
	// player that does not keep cookies; mostly "".
	carry string
	// private: a playlist is for nobody else.
	private bool
}

// subject is by whose permission the guest is here.
func (g *guest) subject() string {
	if g.pass == nil {
		return ""
	}
	return g.pass.Subject
}

// admit asks whether a request may be answered. What a link's query shows is kept in a
// cookie, for all that the playlists refer to, so that segments have the same address for
// everybody. Until the cookie comes back, which it does not with some players and on
// other sites, playlists carry the query on.
func (d *desk) admit(w http.ResponseWriter, r *http.Request, path, leaf string) (guest, error) {
	q := access.FromHTTP(r, access.Play, "hls", path)
	g := guest{address: r.RemoteAddr, agent: q.Agent}
	if i := strings.LastIndexByte(g.address, ':'); i >= 0 {
		g.address = g.address[:i]
	}
	kept, link := keptQuery(r.Header), q.Query.Reveal()
	var err error
	switch {
	case kept == "" || kept == link:
		g.pass, err = d.policy.Allow(r.Context(), q)
	case link == "":
		q.Show(kept)
		g.pass, err = d.policy.Allow(r.Context(), q)
	default:
		if g.pass, err = d.policy.Allow(r.Context(), q); err != nil { // the query may be about something else
			link = ""
			g.pass, err = d.allowKept(r, path, kept)
		}
	}
	if err != nil {
		return g, err
	}
	g.private = g.subject() != "" && !q.Bare()
	if link != "" && link != kept && g.private && isCookie(link) && strings.HasSuffix(leaf, playlistExt) {
		g.carry = link
		w.Header().Add("Set-Cookie", newCookie(r, path, link, g.pass.Expires))
	}
	return g, nil
}

// allowKept asks about a request as if its query were what the cookie has kept.
func (d *desk) allowKept(r *http.Request, path, kept string) (*access.Pass, error) {
	other := *r
	other.URL = &url.URL{RawQuery: kept}
	return d.policy.Allow(r.Context(), access.FromHTTP(&other, access.Play, "hls", path))
}

// cookieName is that of the cookie that keeps a link's query.
const cookieName = "weir_play"

// keptQuery is what the cookie has kept, or "".
func keptQuery(h http.Header) string {
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if value, ok := strings.CutPrefix(strings.TrimSpace(pair), cookieName+"="); ok && isCookie(value) {
				return value
			}
		}
	}
	return ""
}

// newCookie keeps a query for the stream at path, for as long as it is of use. Pages of
// other sites get it back by TLS only (RFC 6265bis section 4.1.2.7), where browsers keep
// it apart for each of those sites.
func newCookie(r *http.Request, path, query string, expires time.Time) string {
	b := append(make([]byte, 0, 256), cookieName+"="+query+"; Path=/"+path+"/; HttpOnly"...)
	if !expires.IsZero() {
		b = append(b, "; Max-Age="...)
		b = strconv.AppendInt(b, max(1, int64(time.Until(expires).Seconds())), 10)
	}
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return string(append(b, "; Secure; SameSite=None; Partitioned"...))
	}
	return string(append(b, "; SameSite=Lax"...))
}

// mostCookie bounds what is kept, in bytes: browsers take 4096 with the attributes.
const mostCookie = 3 << 10

// isCookie says whether a query can be kept, and stand in a playlist: it consists of
// cookie-octets (RFC 6265 section 4.1.1).
func isCookie(query string) bool {
	if query == "" || len(query) > mostCookie {
		return false
	}
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`",;\`, c) >= 0 {
			return false
		}
	}
	return true
}

// carried is a playlist whose URIs all have the query.
func carried(playlist []byte, query string) []byte {
	const attribute = `URI="`
	out := make([]byte, 0, len(playlist)+(bytes.Count(playlist, []byte{'\n'})+1)*(len(query)+1))
	for line := range bytes.Lines(playlist) {
		text := bytes.TrimSuffix(line, []byte{'\n'})
		end := len(text) // of the line's URI
		if len(text) > 0 && text[0] == '#' {
			if end = bytes.Index(text, []byte(attribute)); end >= 0 {
				end += len(attribute)
				end += max(0, bytes.IndexByte(text[end:], '"'))
			}
		}
		if end <= 0 {
			out = append(out, line...)
			continue
		}
		out = append(append(append(append(out, line[:end]...), '?'), query...), line[end:]...)
	}
	return out
}
