//go:build e2e

package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/control/auth/book"
	"weir/pipeline/access"
)

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
