//go:build e2e

package access

import (
	"archive/zip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/control/auth/book"
	"weir/control/auth/password"
	"weir/pipeline/service/rtmpd"
)

// canaries are the secrets that must be found nowhere, by what they are.
type canaries map[string]string

// of makes one that looks like nothing else.
func (c canaries) of(what string) string {
	c[what] = "cnry_" + what + "_0123456789abcdefghijklmnop"
	return c[what]
}

// look reports the secrets that are in a text. An answer may have its own.
func (c canaries) look(t *testing.T, where, text string) {
	t.Helper()
	for what, secret := range c {
		for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
			if at := strings.Index(text, form); at >= 0 {
				t.Errorf("the secret %s is in %s: …%s…", what, where, text[max(0, at-120):min(len(text), at+len(form)+40)])
				break
			}
		}
	}
}

// collected are the bodies that a server was sent.
type collected struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (c *collected) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// receiver takes whatever is sent, and answers with a status.
func receiver(t *testing.T, status int) (*collected, *httptest.Server) {
	t.Helper()
	c := new(collected)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		c.mu.Lock()
		c.text.Write(body)
		c.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return c, s
}

// TestCanary gives a server secrets wherever it takes some, lets things fail, and looks for
// the secrets in whatever the server says (T7).
func TestCanary(t *testing.T) {
	c := make(canaries)
	spans, collector := receiver(t, http.StatusOK)
	_, refusing := receiver(t, http.StatusForbidden)
	down := "127.0.0.1:" + freePort(t)
	hash, err := password.NewHasher(1).Hash(t.Context(), c.of("password"))
	if err != nil {
		t.Fatal(err)
	}
	c["hash"] = hash
	s := prepare(t, func(b *book.Book) {
		b.Resign(time.Now())
		c["signer"] = string(b.Newest().Secret)
		b.Users = append(b.Users, book.User{Name: "root", Hash: hash, Scope: "admin"})
	})
	c["webhook"] = "whsec_" + base64.StdEncoding.EncodeToString([]byte(c.of("webhook bytes")))
	s.start(t, fmt.Sprintf(`  log: {level: debug}
  tls: {cert: %q, key: %q}
  outgoing: {allow: [127.0.0.1]}
  webhooks: [{url: "http://user:%s@%s/in?token=%s", secret: %q}]
  access:
    users: [{name: declared, hash: %q, scope: read}]
    jwt: {secret: %q, audience: weir}
    hook: {url: "http://user:%s@%s/ask?key=%s", timeout: 1s, cache: 0s}
`, s.dir+"/cert.pem", s.dir+"/key.pem", c.of("webhook-user"), down, c.of("webhook-query"), c["webhook"],
		hash, c.of("jwt"), c.of("hook-user"), down, c.of("hook-query")), fmt.Sprintf(`
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: %s, keys: [%s]}}
      hls: {use: outputs/hls, from: cam}
  web/{name}:
    stages:
      cam: {use: ingest/whip, with: {key: %s}}
      hls: {use: outputs/hls, from: cam}
  show/a:
    when: always
    stages:
      clip: {use: ingest/file, with: {path: h264-aac.mp4, loop: true}}
      hls: {use: outputs/hls, from: clip, with: {segment: 1s}}
      watch: {use: outputs/whep, from: clip}
      push: {use: outputs/rtmp, from: clip, with: {url: "rtmp://%s/app", key: %s, backup_url: "rtmp://%s/app?x=%s", backup_key: %s}}
      whole: {use: outputs/rtmp, from: clip, with: {url: "rtmp://%s/app/%s"}}
      kept:
        use: record
        from: clip
        with:
          spool: %q
          store: {s3: {endpoint: %q, bucket: shows, region: eu, style: path, access_key: %s, secret_key: %s, session_token: %s}}
          split: {every: 1m}
`, c.of("rtmp-key"), c.of("rtmp-key-2"), c.of("whip-key"), down, c.of("push-key"), down, c.of("push-query"), c.of("backup-key"),
		down, c.of("push-path"), s.dir+"/spool", refusing.URL, c.of("s3-access"), c.of("s3-secret"), c.of("s3-session")),
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=200", "WEIR_STREAM_KEY="+c.of("environment"))

	from := client(elsewhere, s.trust)
	ask := func(method, path string, header http.Header, body string) (int, string) {
		t.Helper()
		reply := s.ask(t, from, method, path, header.Clone(), body)
		text, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply.StatusCode, string(text)
	}
	reply := s.ask(t, from, http.MethodPost, "/v1/session", nil, fmt.Sprintf(`{"user":"root","password":%q}`, c["password"]))
	if len(reply.Cookies()) != 1 {
		t.Fatal(reply.Status)
	}
	c["session"] = reply.Cookies()[0].Value
	admin := http.Header{"Cookie": {"weir_session=" + c["session"]}}

	// What is made at run time.
	callers := map[string]http.Header{"admin": admin}
	for _, scope := range []string{"read", "operate", "configure", "admin"} {
		status, text := ask("POST", "/v1/tokens", admin, fmt.Sprintf(`{"name":%q,"scopes":[%q]}`, scope, scope))
		var m secretMade
		if json.Unmarshal([]byte(text), &m) != nil || m.Secret == "" {
			t.Fatal(status, text)
		}
		c["token "+scope] = m.Secret
		callers[scope] = http.Header{"Authorization": {"Bearer " + m.Secret}}
	}
	create := func(want int, method, path, body string) string {
		t.Helper()
		status, text := ask(method, path, admin, body)
		if status != want {
			t.Errorf("%s %s: %d %s", method, path, status, text)
		}
		return text
	}
	var m secretMade
	_ = json.Unmarshal([]byte(create(201, "POST", "/v1/keys", `{"stream":"other/*","name":"obs"}`)), &m)
	c["key"] = m.Secret
	create(201, "POST", "/v1/users", fmt.Sprintf(`{"name":"ann","password":%q,"scope":"read"}`, c.of("password-2")))
	var hook struct{ ID, Secret string }
	_ = json.Unmarshal([]byte(create(201, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":"http://user:%s@%s/?token=%s"}`, c.of("added-user"), down, c.of("added-query")))), &hook)
	c["webhook added"] = hook.Secret
	_, text := ask("POST", "/v1/webhooks/"+hook.ID+"/test", admin, "")
	c.look(t, "the test of a webhook", text)
	c.look(t, "the answer that adds an output", create(201, "POST", "/v1/streams/show%2Fa/outputs",
		fmt.Sprintf(`{"name":"added","use":"outputs/rtmp","from":"clip","with":{"url":"rtmp://%s/app","key":%q},"persistent":true}`, down, c.of("added-key"))))
	c.look(t, "a refusal of an output", create(422, "POST", "/v1/streams/show%2Fa/outputs",
		fmt.Sprintf(`{"name":"worse","use":"outputs/rtmp","from":"clip","with":{"url":"rtmp://%s/app","kei":%q}}`, down, c.of("misplaced-key"))))
	create(201, "POST", "/v1/streams/show%2Fa/links", `{"expires_seconds":60,"kind":"watch"}`)

	// What is shown at the doors, and is wrong.
	for _, e := range entries() {
		s.try(t, e, paper{kind: "canary", text: c.of("shown")}, origins()[1])
	}
	s.ask(t, from, http.MethodPost, "/v1/session", nil, fmt.Sprintf(`{"user":"root","password":%q}`, c.of("wrong-password")))
	s.ask(t, from, http.MethodPost, "/v1/setup", nil, fmt.Sprintf(`{"user":"eve","password":"long enough","token":%q}`, c.of("setup-token")))
	s.ask(t, from, http.MethodGet, "/v1/streams?token="+c.of("query-of-the-api"), nil, "")
	s.ask(t, from, http.MethodGet, "/show/a?exp=1&kid=k&sig="+c.of("signature"), nil, "")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if p, err := rtmpd.Dial(ctx, "rtmp://"+elsewhere+":"+s.rtmp+"/live/x?key="+c["rtmp-key-2"], rtmpd.DialOptions{}); err != nil {
		t.Error(err)
	} else {
		defer p.Close()
	}

	// A file that is broken where its secrets stand.
	good, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	for n, broken := range []string{
		strings.Replace(string(good), "key: "+c["rtmp-key"], "kei: "+c["rtmp-key"], 1),
		strings.Replace(string(good), "key: "+c["rtmp-key"], "key: ["+c["rtmp-key"]+"]", 1),
		strings.Replace(string(good), "key: "+c["rtmp-key"], "key: \""+c["rtmp-key"], 1),
		strings.Replace(string(good), c["webhook"], c["webhook"][6:], 1),
	} {
		s.write(t, "weir.yaml", []byte(broken))
		before := s.output.Len()
		s.hup(t)
		eventually(t, fmt.Sprint("the server refuses broken file ", n), func() bool { return s.output.Len() > before && strings.Contains(s.output.since(before), "ERROR") })
	}
	s.write(t, "weir.yaml", good)

	// Everything that can be read, by all who may.
	eventually(t, "pushes and uploads have failed", func() bool {
		_, text := ask("GET", "/v1/streams/show%2Fa/outputs", admin, "")
		return strings.Count(text, `"reason"`) >= 3
	})
	var api struct {
		Paths map[string]map[string]json.RawMessage
	}
	_, text = ask("GET", "/v1/openapi.json", nil, "")
	if err := json.Unmarshal([]byte(text), &api); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{stream}", "show%2Fa", "{stage}", "push", "{name}", "push", "/webhooks/{id}", "/webhooks/"+hook.ID, "/pipelines/{id}", "/pipelines/show%2Fa")
	read := 0
	for who, header := range callers {
		for path, operations := range api.Paths {
			if _, ok := operations["get"]; !ok || strings.HasSuffix(path, "/events") {
				continue
			}
			status, text := ask("GET", fill.Replace(path), header, "")
			if status == http.StatusOK {
				read++
			}
			c.look(t, path+" as "+who+" sees it", text)
		}
		for _, path := range []string{"/metrics", "/readyz?verbose", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline", "/", "/show/a"} {
			_, text := ask("GET", path, header, "")
			c.look(t, path+" as "+who+" sees it", text)
		}
	}
	t.Logf("%d resources were read", read)
	for _, header := range []http.Header{admin, callers["read"]} {
		listen, stop := context.WithTimeout(t.Context(), 2*time.Second)
		r, err := http.NewRequestWithContext(listen, http.MethodGet, "https://"+elsewhere+":"+s.http+"/v1/events?topics=*,stats,streams,graph:show/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header.Clone()
		r.Header.Set("Last-Event-ID", "0")
		events, err := from.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(events.Body) // until the time is over
		events.Body.Close()
		stop()
		if !strings.Contains(string(text), "event: stats") {
			t.Errorf("nothing is told: %s %s", events.Status, text)
		}
		c.look(t, "the events", string(text))
	}
	// What the server answers is one thing, what programs write down another.
	bundle := filepath.Join(t.TempDir(), "bundle.zip")
	cmd := exec.Command(os.Getenv(binaryVariable), "support-bundle", s.config, "--url", "https://"+elsewhere+":"+s.http, "-o", bundle, "--log", s.write(t, "log.txt", []byte(s.output.String())))
	cmd.Env = append(os.Environ(), "WEIR_TOKEN="+c["token admin"], "SSL_CERT_FILE="+s.dir+"/cert.pem")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("weir support-bundle: %v\n%s", err, out)
	}
	c.look(t, "what support-bundle says", string(out))
	archive, err := zip.OpenReader(bundle)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		c.look(t, f.Name+" of the support bundle", string(text))
	}
	eventually(t, "spans have come", func() bool { return spans.String() != "" })
	c.look(t, "the traces", spans.String())
	c.look(t, "the log", s.output.String())

	// Files that have secrets are the server's alone; others have none.
	if err := filepath.WalkDir(s.dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains([]string{"weir.yaml", "log.txt", "cert.pem", "key.pem"}, entry.Name()) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err //nolint:wrapcheck // it says what failed
		}
		if info.Mode().Perm()&0o077 != 0 {
			text, err := os.ReadFile(name)
			if err != nil {
				return err //nolint:wrapcheck // it says what failed
			}
			c.look(t, fmt.Sprintf("%s, mode %v", strings.TrimPrefix(name, s.dir), info.Mode()), string(text))
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
