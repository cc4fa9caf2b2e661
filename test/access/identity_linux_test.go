//go:build e2e

package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/control/auth/book"
	"weir/pipeline/access"
	"weir/pipeline/service/rtmpd"
)

var update = flag.Bool("update", false, "write the table of docs/verification.md anew")

// flows are streams for each door: published ones with a key of their own, and one that
// plays when somebody watches.
const flows = `
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: ` + pipelineKey + `, grace: 1s}}
      hls: {use: outputs/hls, from: cam}
  web/{name}:
    stages:
      cam: {use: ingest/whip, with: {key: ` + pipelineKey + `, grace: 1s}}
      hls: {use: outputs/hls, from: cam}
  show/{name}:
    when: demanded
    stages:
      clip: {use: ingest/file, with: {path: h264-opus.mp4, loop: true}}
      hls: {use: outputs/hls, from: clip, with: {segment: 1s}}
      watch: {use: outputs/whep, from: clip}
`

// origin is where somebody comes from.
type origin struct {
	name string
	// local says that the server takes it for its own machine.
	local bool
	// unknown says that nobody knows where it is: where some may not come, it may not.
	unknown bool
	// at gives an address to come from and headers. Nobody has come from the same one
	// before, so that nobody is slowed down for what others have guessed.
	at func(n int) (from, host string, header http.Header)
}

// knownProxy is one that the server believes.
const knownProxy = "127.0.0.2"

// anew is an address that is not used twice.
func anew(network string, n int) string { return fmt.Sprintf("%s.%d", network, 10+n%80) }

func origins() []origin {
	forwarded := func(by string) http.Header { return http.Header{"X-Forwarded-For": {by}} }
	return []origin{
		{"this machine", true, false, func(int) (string, string, http.Header) { return loopback, loopback, http.Header{} }},
		{"elsewhere", false, false, func(n int) (string, string, http.Header) {
			return anew("198.51.100", n), elsewhere, http.Header{}
		}},
		{"a proxy that is known", false, false, func(n int) (string, string, http.Header) {
			return knownProxy, loopback, forwarded(anew("203.0.113", n))
		}},
		{"this machine, by a proxy that is known", false, false, func(int) (string, string, http.Header) {
			return knownProxy, loopback, forwarded("127.0.0.1")
		}},
		{"a proxy that is known and says nothing of use", false, true, func(int) (string, string, http.Header) {
			return knownProxy, loopback, forwarded("unknown")
		}},
		{"a proxy on this machine that is not known", false, false, func(int) (string, string, http.Header) {
			return loopback, loopback, forwarded("127.0.0.1")
		}},
		{"elsewhere, which says that it is this machine", false, false, func(n int) (string, string, http.Header) {
			return anew("198.51.100", n), elsewhere, forwarded("127.0.0.1")
		}},
		{"this machine, by another name", false, false, func(int) (string, string, http.Header) {
			return loopback, "rebound.example", http.Header{}
		}},
		{"a page of another site on this machine", false, false, func(int) (string, string, http.Header) {
			return loopback, loopback, http.Header{"Origin": {"https://evil.example"}}
		}},
	}
}

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

func entries() []entry {
	texts, cookies, queries := []form{text}, []form{session, linked}, []form{text, linked}
	return []entry{
		{"RTMP", "?key=", access.Publish, texts, "", "", nil},
		{"RTMPS", "?key=", access.Publish, texts, "", "", nil},
		{"WHIP", "bearer", access.Publish, texts, "POST", "whip", asBearer},
		{"WHIP", "password", access.Publish, texts, "POST", "whip", asBasic},
		{"WHIP", "?token=", access.Publish, queries, "POST", "whip", inQuery("token")},
		{"WHIP", "?token=, in disguise", access.Publish, texts, "POST", "whip", func(r *http.Request, p paper) {
			r.URL.RawQuery = "token=" + disguised(p.text)
		}},
		{"WHIP", "path", access.Publish, texts, "POST", "whip", inPath},
		{"WHIP", "cookie", access.Publish, cookies, "POST", "whip", asCookie},
		{"WHEP", "bearer", access.Play, texts, "POST", "whep", asBearer},
		{"WHEP", "?jwt=", access.Play, queries, "POST", "whep", inQuery("jwt")},
		{"WHEP", "?token=, in disguise", access.Play, texts, "POST", "whep", func(r *http.Request, p paper) {
			r.URL.RawQuery = "token=" + disguised(p.text)
		}},
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

var knocks atomic.Int64

// try knocks at a door, and says what is answered.
func (s *server) try(t *testing.T, e entry, p paper, o origin) outcome {
	t.Helper()
	n := int(knocks.Add(1))
	return s.tryAt(t, e, p, o, n, e.streamOf(n))
}

func (s *server) tryAt(t *testing.T, e entry, p paper, o origin, n int, path string) outcome {
	t.Helper()
	from, host, header := o.at(n)
	if e.method == "" {
		return s.tryRTMP(t, e, p, from, path)
	}
	target := "/" + path + "/" + e.leaf
	if strings.HasPrefix(e.leaf, "/") {
		target = e.leaf
	}
	body := ""
	if e.method == http.MethodPost {
		header.Set("Content-Type", "application/sdp")
		body = offer(t, e.leaf == "whep")
	}
	destination := elsewhere
	if from == loopback || from == knownProxy {
		destination = loopback
	}
	r, err := http.NewRequestWithContext(t.Context(), e.method, "https://"+destination+":"+s.http+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header, r.Host = header, net.JoinHostPort(host, s.http)
	if p.form != nothing {
		e.put(r, p)
	}
	c := s.client(from)
	reply, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	var problem struct{ Code, Detail string }
	_ = json.Unmarshal(answer, &problem) // else it is none
	to := reply.Header.Get("Location")
	for _, said := range []string{to, problem.Detail} {
		if p.form != nothing && p.text != "" && strings.Contains(said, p.text) {
			t.Errorf("%s %s, %s: is told %q", e.protocol, p.kind, p.state, said)
		}
	}
	if to != "" { // who came leaves
		leave, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "https://"+destination+":"+s.http+to, nil)
		if err != nil {
			t.Fatal(err)
		}
		gone, err := c.Do(leave)
		if err != nil {
			t.Fatal(err)
		}
		gone.Body.Close()
	}
	switch reply.StatusCode {
	case http.StatusOK, http.StatusCreated:
		return in
	case http.StatusNotFound:
		if problem.Code == "not_found" && !strings.HasSuffix(e.leaf, ".m4s") {
			return nowhere
		}
		return in // and told that there is no such segment
	}
	if challenge := reply.Header.Get("WWW-Authenticate"); (reply.StatusCode == http.StatusUnauthorized) != strings.HasPrefix(challenge, "Bearer ") {
		t.Errorf("%s %s, %s: %d with %q", e.protocol, p.kind, p.state, reply.StatusCode, challenge)
	}
	return outcome(problem.Code)
}

func (s *server) tryRTMP(t *testing.T, e entry, p paper, from, path string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	destination, port, scheme := elsewhere, s.rtmp, "rtmp"
	if from == loopback {
		destination = loopback
	}
	if e.protocol == "RTMPS" {
		port, scheme = s.rtmps, "rtmps"
	}
	address := scheme + "://" + destination + ":" + port + "/" + path
	if p.form != nothing {
		address += "?key=" + url.QueryEscape(p.text)
	}
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := rtmpd.Dial(ctx, address, rtmpd.DialOptions{TLS: s.trust, Dial: d.DialContext})
	if err == nil {
		_ = c.Close()
		return in
	}
	var told *rtmpd.StatusError
	switch {
	case !errors.As(err, &told):
		t.Errorf("%s %s, %s: %v", e.protocol, p.kind, p.state, err)
	case p.form != nothing && strings.Contains(told.Text, p.text):
		t.Errorf("%s %s, %s: is told %q", e.protocol, p.kind, p.state, told.Text)
	case told.Code == rtmpd.CodeBadName:
		return nowhere
	}
	return refused
}

// begin runs a server that knows users, tokens, keys and an issuer, and gives their papers.
func begin(t *testing.T, i *issuer) (*server, *registry) {
	t.Helper()
	r := new(registry)
	s := prepare(t, func(b *book.Book) { r.book = b; r.fill(t, i) })
	keys := s.write(t, "keys.json", i.set(t, true))
	s.start(t, fmt.Sprintf("  tls: {cert: %q, key: %q}\n  access: {proxies: [%s], deny: [203.0.113.7], jwt: {file: %q, audience: weir, issuer: id}}\n",
		s.dir+"/cert.pem", s.dir+"/key.pem", knownProxy, keys), flows)
	r.signIn(t, s)
	return s, r
}

// TestIdentities tries every credential in every state at every door by the real policy,
// from everywhere.
func TestIdentities(t *testing.T) {
	s, r := begin(t, newIssuer(t))
	hooked := r.hooked(t)
	said := make(map[[2]string]map[string]bool)
	tried := 0
	for _, o := range origins() {
		for _, e := range entries() {
			if e.method == "" && len(o.name) > len("this machine") {
				continue // RTMP has no proxies
			}
			for _, p := range append(slices.Clone(r.papers), hooked.papers...) {
				if !slices.Contains(e.forms, p.form) || e.place == "cookie" && p.form == linked && p.piece == "" {
					continue
				}
				// All states from here and from elsewhere; what is right from everywhere.
				if o.name != "this machine" && o.name != "elsewhere" && p.state != right {
					continue
				}
				at, want := s, e.want(p, o)
				if strings.HasPrefix(p.kind, "hook") {
					at = hooked.server
				}
				if o.name != "this machine" && o.name != "elsewhere" && (want != in || at != s) && !o.unknown || o.unknown && at != s {
					continue // who comes from one address again and again must not guess
				}
				tried++
				got := at.try(t, e, p, o)
				if e.place == "cookie" && e.method == http.MethodPost && strings.HasPrefix(o.name, "a page") {
					want = outcome(access.Missing) // it is not the page's own
				}
				if e.method == "" && got == nowhere {
					got = refused // a text that is too long for RTMP
				}
				if got != want {
					t.Errorf("%s by %s, from %s, with %s that is %s: %s, want %s", e.protocol, e.place, o.name, p.kind, p.state, got, want)
				}
				if o.name == "elsewhere" && p.state == right && got == in {
					cell := [2]string{e.protocol, p.kind}
					if said[cell] == nil {
						said[cell] = make(map[string]bool)
					}
					place := strings.TrimSuffix(e.place, ", in disguise")
					if p.form == linked && e.place != "cookie" {
						place = "query"
					}
					said[cell][place] = true
				}
			}
		}
	}
	t.Logf("%d attempts", tried)
	table(t, said, append(r.papers, hooked.papers...))
}

// TestRevoked takes credentials away from those who are in: a publisher, a viewer, and one
// who listens to events; and somebody who guesses must wait, but nobody else.
func TestRevoked(t *testing.T) {
	s, _ := begin(t, newIssuer(t))
	admin := s.admin(t)
	reply := s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/keys", admin, `{"stream":"live/*","name":"obs"}`)
	key := made(t, reply)
	reply = s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/tokens", admin, `{"name":"watcher","scopes":["read","play"]}`)
	token := made(t, reply)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	publisher, err := rtmpd.Dial(ctx, "rtmp://"+elsewhere+":"+s.rtmp+"/live/revoked?key="+key.Secret, rtmpd.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	listen, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+elsewhere+":"+s.http+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	listen.Header.Set("Authorization", "Bearer "+token.Secret)
	events, err := client(elsewhere, s.trust).Do(listen)
	if err != nil || events.StatusCode != http.StatusOK {
		t.Fatal(err, events)
	}
	defer events.Body.Close()
	for _, e := range entries() {
		if e.action == access.Play && e.place == "bearer" {
			if got := s.try(t, e, paper{text: token.Secret}, origins()[1]); got != in {
				t.Errorf("%s: %s", e.protocol, got)
			}
		}
	}
	for _, path := range []string{"/v1/keys/" + key.ID, "/v1/tokens/" + token.ID} {
		if reply := s.ask(t, client(elsewhere, s.trust), http.MethodDelete, path, admin, ""); reply.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s", path, reply.Status)
		}
	}
	select {
	case <-publisher.Done():
	case <-ctx.Done():
		t.Error("a publisher stays")
	}
	if _, err := io.Copy(io.Discard, events.Body); ctx.Err() != nil {
		t.Errorf("a listener stays: %v", err)
	}
	for _, e := range entries() {
		if e.action == access.Play && e.place == "bearer" {
			if got := s.try(t, e, paper{text: token.Secret}, origins()[1]); got != outcome(access.Wrong) {
				t.Errorf("%s afterwards: %s", e.protocol, got)
			}
		}
	}

	guess := func(from, password string) int {
		return s.ask(t, s.client(from), http.MethodPost, "/v1/session", nil, `{"user":"reader","password":"`+password+`"}`).StatusCode
	}
	for n := range 10 {
		if got := guess("198.51.100.250", fmt.Sprint("guess", n)); got != http.StatusUnauthorized {
			t.Errorf("guess %d: %d", n, got)
		}
	}
	if got := guess("198.51.100.250", goodPassword); got != http.StatusTooManyRequests {
		t.Errorf("who has guessed is answered %d", got)
	}
	if got := guess("198.51.100.251", goodPassword); got != http.StatusOK {
		t.Errorf("somebody else is answered %d", got)
	}
}

// admin signs root in, and is the header by which he goes on.
func (s *server) admin(t *testing.T) http.Header {
	t.Helper()
	reply := s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/session", nil, `{"user":"root","password":"`+goodPassword+`"}`)
	for _, c := range reply.Cookies() {
		return http.Header{"Cookie": {c.Name + "=" + c.Value}}
	}
	t.Fatal(reply.Status)
	return nil
}

// secretMade is what the API answers once.
type secretMade struct{ ID, Secret string }

func made(t *testing.T, reply *http.Response) (m secretMade) {
	t.Helper()
	if err := json.NewDecoder(reply.Body).Decode(&m); err != nil || m.Secret == "" {
		t.Fatal(reply.Status, err)
	}
	return m
}

// TestWrittenOtherwise is a path that is written otherwise: the same stream or another one,
// and never a way around.
func TestWrittenOtherwise(t *testing.T) {
	s, _ := begin(t, newIssuer(t))
	admin := s.admin(t)
	for _, e := range entries() {
		if e.place != "bearer" && e.place != "?key=" || e.action == reads || e.action == admins || e.protocol == "HLS segments" {
			continue
		}
		folder, name := "show", "a"
		if e.action == access.Publish {
			folder, name = map[bool]string{true: "live", false: "web"}[e.method == ""], e.protocol+"x"
		}
		var token string
		if e.action == access.Publish {
			token = made(t, s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/keys", admin, fmt.Sprintf(`{"stream":%q,"name":"obs"}`, folder+"/"+name))).Secret
		} else {
			token = made(t, s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/tokens", admin, fmt.Sprintf(`{"name":"one","scopes":["play"],"streams":[%q]}`, folder+"/"+name))).Secret
		}
		swapped := strings.ToLower(name)
		if swapped == name {
			swapped = strings.ToUpper(name)
		}
		for path, lets := range map[string]bool{
			folder + "/" + name:                                            true,
			folder + "/" + disguised(name):                                 e.method != "",
			folder + "/" + swapped:                                         false,
			strings.ToUpper(folder) + "/" + name:                           false,
			folder + "/" + strings.ReplaceAll(disguised(name), "%", "%25"): false,
			folder + "/b/../" + name:                                       false,
			folder + "/b%2f..%2f" + name:                                   false,
			folder + "/./" + name:                                          false,
			folder + "/" + name + "%00":                                    false,
			folder + "/" + name + ";x":                                     false,
			folder + "/" + name + "%20":                                    false,
			folder + "/b":                                                  false,
		} {
			n := int(knocks.Add(1))
			if got := s.tryAt(t, e, paper{text: token}, origins()[1], n, path); (got == in) != lets {
				t.Errorf("%s at %s: %s", e.protocol, path, got)
			}
		}
	}
}

// TestNothingShown is who shows nothing, and who comes from an address that may not.
func TestNothingShown(t *testing.T) {
	s, r := begin(t, newIssuer(t))
	bare := paper{kind: "nothing", form: nothing}
	for _, o := range origins() {
		for _, e := range entries() {
			if e.method == "" && len(o.name) > len("this machine") {
				continue
			}
			want := outcome(access.Missing)
			switch {
			case e.method == "":
				want = refused
			case e.action == access.Play && o.local:
				want = in
			case o.unknown:
				want = e.want(bare, o)
			}
			if e.place == "path" { // its address without a token means nothing
				continue
			}
			if got := s.try(t, e, bare, o); got != want {
				t.Errorf("%s from %s with nothing: %s, want %s", e.protocol, o.name, got, want)
			}
		}
	}
	denied := origin{"an address that is denied", false, false, func(int) (string, string, http.Header) {
		return knownProxy, loopback, http.Header{"X-Forwarded-For": {"203.0.113.7"}}
	}}
	for _, e := range entries() {
		for _, p := range r.papers {
			if e.method == "" || p.state != right || !slices.Contains(e.forms, p.form) {
				continue
			}
			if got := s.try(t, e, p, denied); got != outcome(access.Forbidden) && got != "address_denied" && got != nowhere {
				t.Errorf("%s from %s with %s: %s", e.protocol, denied.name, p.kind, got)
			}
		}
	}
	// Pages are for everybody; what they show they ask for.
	for _, path := range []string{"/", "/setup", "/show/a", "/web/a/publish", "/v1/openapi.json", "/livez"} {
		reply := s.ask(t, client(anew("198.51.100", 1), s.trust), http.MethodGet, path, nil, "")
		if reply.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, reply.Status)
		}
	}
}

// hook is a server that asks another service, and the papers that the service knows.
type hook struct {
	server *server
	papers []paper
}

// hooked runs one: beside a set of keys at a URL.
func (r *registry) hooked(t *testing.T) hook {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var said struct{ Token, Password string }
		if json.NewDecoder(q.Body).Decode(&said) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		switch said.Token + said.Password {
		case "hook-yes":
			w.WriteHeader(http.StatusOK)
		case "hook-down":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(service.Close)
	h := hook{server: prepare(t, func(b *book.Book) { *b = *r.book })}
	h.server.start(t, fmt.Sprintf("  tls: {cert: %q, key: %q}\n  outgoing: {allow: [127.0.0.1]}\n  access: {proxies: [%s], loopback: nobody, hook: {url: %q, cache: 0s}}\n",
		h.server.dir+"/cert.pem", h.server.dir+"/key.pem", knownProxy, service.URL), flows)
	wrong := access.Wrong
	h.papers = []paper{
		{kind: "hook", state: right, text: "hook-yes", read: wrong, admin: wrong},
		{kind: "hook", state: "no", text: "hook-no", publish: wrong, play: wrong, read: wrong, admin: wrong},
		{kind: "hook", state: "down", text: "hook-down", publish: access.Unavailable, play: access.Unavailable, read: wrong, admin: wrong},
	}
	return h
}

// The table of the documentation stands between these.
const (
	tableFile  = "../../docs/verification.md"
	tableBegin = "<!-- identities -->\n"
	tableEnd   = "<!-- /identities -->\n"
)

// table compares what was let in with the table of the documentation, or writes that.
func table(t *testing.T, said map[[2]string]map[string]bool, papers []paper) {
	t.Helper()
	var kinds, protocols []string
	for _, p := range papers {
		if p.state == right && !slices.Contains(kinds, p.kind) {
			kinds = append(kinds, p.kind)
		}
	}
	var b strings.Builder
	b.WriteString("\n| |")
	for _, e := range entries() {
		if !slices.Contains(protocols, e.protocol) {
			protocols = append(protocols, e.protocol)
			b.WriteString(" " + e.protocol + " |")
		}
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(protocols)) + "\n")
	for _, kind := range kinds {
		b.WriteString("| " + kind + " |")
		for _, protocol := range protocols {
			var places []string
			for place := range said[[2]string{protocol, kind}] {
				places = append(places, place)
			}
			slices.Sort(places)
			b.WriteString(" " + strings.Join(places, ", ") + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	text, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), tableBegin)
	is, after, ok := strings.Cut(rest, tableEnd)
	switch {
	case !ok:
		t.Error("the documentation has no place for the table")
	case *update && !t.Failed():
		if err := os.WriteFile(tableFile, []byte(before+tableBegin+b.String()+tableEnd+after), 0o644); err != nil { //nolint:gosec // a document
			t.Error(err)
		}
	case is != b.String():
		t.Errorf("docs/verification.md has another table (go test -tags e2e ./test/access -run Identities -update):\n%s", b.String())
	}
}

// TestBound is a caller who is bound to one stream, and sees no other by any operation.
func TestBound(t *testing.T) {
	s, _ := begin(t, newIssuer(t))
	admin := s.admin(t)
	for _, path := range []string{"show/a", "show/b"} { // somebody watches, so that both run
		e := entry{"HLS", "cookie", access.Play, nil, "GET", "index.m3u8", asCookie}
		cookie := strings.TrimPrefix(admin.Get("Cookie"), "weir_session=")
		if got := s.tryAt(t, e, paper{form: session, text: cookie}, origins()[1], 1, path); got != in {
			t.Fatalf("%s: %s", path, got)
		}
	}
	ask := func(header http.Header, method, path string) (int, string) {
		reply := s.ask(t, s.client(elsewhere), method, path, header.Clone(), "")
		text, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply.StatusCode, string(text)
	}
	var api struct {
		Paths map[string]map[string]json.RawMessage
	}
	_, text := ask(nil, http.MethodGet, "/v1/openapi.json")
	if err := json.Unmarshal([]byte(text), &api); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, scope := range []string{"read", "operate", "configure", "admin"} {
		token := made(t, s.ask(t, s.client(elsewhere), http.MethodPost, "/v1/tokens", admin.Clone(), fmt.Sprintf(`{"name":"bound","scopes":[%q],"streams":["show/a"]}`, scope)))
		caller := http.Header{"Authorization": {"Bearer " + token.Secret}}
		for path, operations := range api.Paths {
			for method := range operations {
				method = strings.ToUpper(method)
				if strings.Contains(path, "{stream}") {
					other := strings.NewReplacer("{stream}", "show%2Fb", "{stage}", "clip", "{name}", "hls", "{session}", "x").Replace(path)
					if status, text := ask(caller, method, other); status != http.StatusForbidden {
						t.Errorf("%s %s with %s: %d %s", method, other, scope, status, text)
					}
				}
				if method != http.MethodGet || strings.HasSuffix(path, "/events") {
					continue
				}
				own := strings.NewReplacer("{stream}", "show%2Fa", "{stage}", "clip", "{name}", "hls", "/pipelines/{id}", "/pipelines/show%2Fb", "{id}", "show%2Fb").Replace(path)
				status, text := ask(caller, method, own)
				if strings.Contains(text, "show/b") || strings.Contains(text, "show%2Fb") {
					t.Errorf("%s %s with %s sees the other stream: %d %s", method, own, scope, status, text)
				}
				if status == http.StatusOK && strings.Contains(text, "show/a") {
					seen++
				}
			}
		}
		ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+elsewhere+":"+s.http+"/v1/events?topics=*,stats,streams", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = caller
		events, err := client(elsewhere, s.trust).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(events.Body) // until the time is over
		events.Body.Close()
		stop()
		if strings.Contains(string(text), "show/b") || !strings.Contains(string(text), "show/a") {
			t.Errorf("%s is told\n%s", scope, text)
		}
	}
	if seen < 8 {
		t.Errorf("his own stream was seen %d times", seen)
	}
}
