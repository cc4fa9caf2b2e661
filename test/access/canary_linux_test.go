//go:build e2e

package access

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/control/auth/book"
	"weir/control/auth/password"
	"weir/pipeline/access"
	"weir/pipeline/service/rtmpd"
	"weir/test/canary"
)

// canaries are the secrets that must be found nowhere.
type canaries struct{ canary.Secrets }

// look reports the secrets that are in a text. An answer may have its own.
func (c canaries) look(t *testing.T, where, text string) {
	t.Helper()
	for _, found := range c.In(text) {
		t.Errorf("in %s is the secret %s", where, found)
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
	t.Parallel()
	secrets := make(canary.Secrets)
	c := canaries{secrets}
	spans, collector := receiver(t, http.StatusOK)
	_, refusing := receiver(t, http.StatusForbidden)
	down := "127.0.0.1:" + freePort(t)
	hash, err := password.NewHasher(1).Hash(t.Context(), c.Of("password"))
	if err != nil {
		t.Fatal(err)
	}
	s := prepare(t, func(b *book.Book) {
		b.Resign(time.Now())
		secrets["signer"] = string(b.Newest().Secret)
		b.Users = append(b.Users, book.User{Name: "root", Hash: hash, Scope: "admin"})
	})
	planted := canary.Plant(secrets, canary.Around{Hash: hash, Down: down, Refusing: refusing.URL, Spool: s.dir + "/spool"})
	s.webrtc = planted.WebRTC
	s.start(t, fmt.Sprintf("  log: {level: debug}\n  tls: {cert: %q, key: %q}\n  access: {%s}\n%s", s.dir+"/cert.pem", s.dir+"/key.pem", planted.Access, planted.Server),
		"pipelines:"+planted.Pipelines,
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=200", "WEIR_STREAM_KEY="+c.Of("environment"))

	from := client(elsewhere, s.trust)
	ask := func(method, path string, header http.Header, body string) (int, string) {
		t.Helper()
		reply := s.ask(t, from, method, path, header.Clone(), body)
		text, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		c.look(t, "the header that answers "+method+" "+path, fmt.Sprint(reply.Header))
		return reply.StatusCode, string(text)
	}
	reply := s.ask(t, from, http.MethodPost, "/v1/session", nil, fmt.Sprintf(`{"user":"root","password":%q}`, secrets["password"]))
	if len(reply.Cookies()) != 1 {
		t.Fatal(reply.Status)
	}
	secrets["session"] = reply.Cookies()[0].Value
	admin := http.Header{"Cookie": {"weir_session=" + secrets["session"]}}

	// What is made at run time.
	callers := map[string]http.Header{"admin": admin}
	for _, scope := range []string{"read", "operate", "configure", "admin"} {
		status, text := ask("POST", "/v1/tokens", admin, fmt.Sprintf(`{"name":%q,"scopes":[%q]}`, scope, scope))
		var m secretMade
		if json.Unmarshal([]byte(text), &m) != nil || m.Secret == "" {
			t.Fatal(status, text)
		}
		secrets["token "+scope] = m.Secret
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
	secrets["key"] = m.Secret
	create(201, "POST", "/v1/users", fmt.Sprintf(`{"name":"ann","password":%q,"scope":"read"}`, c.Of("password-2")))
	var hook struct{ ID, Secret string }
	_ = json.Unmarshal([]byte(create(201, "POST", "/v1/webhooks", fmt.Sprintf(`{"url":"http://user:%s@%s/?token=%s"}`, c.Of("added-user"), down, c.Of("added-query")))), &hook)
	secrets["webhook added"] = hook.Secret
	_, text := ask("POST", "/v1/webhooks/"+hook.ID+"/test", admin, "")
	c.look(t, "the test of a webhook", text)
	c.look(t, "the answer that adds an output", create(201, "POST", "/v1/streams/show%2Fa/outputs",
		fmt.Sprintf(`{"name":"added","use":"outputs/rtmp","from":"clip","with":{"url":"rtmp://%s/app","key":%q},"persistent":true}`, down, c.Of("added-key"))))
	c.look(t, "a refusal of an output", create(422, "POST", "/v1/streams/show%2Fa/outputs",
		fmt.Sprintf(`{"name":"worse","use":"outputs/rtmp","from":"clip","with":{"url":"rtmp://%s/app","kei":%q}}`, down, c.Of("misplaced-key"))))
	create(201, "POST", "/v1/streams/show%2Fa/links", `{"expires_seconds":60,"kind":"watch"}`)

	// Whoever watches is told of the relay, and gets credentials of his own for it.
	watching := http.Header{"Cookie": admin["Cookie"], "Content-Type": {"application/sdp"}}
	if reply := s.ask(t, from, http.MethodPost, "/show/a/whep", watching, offer(t, true)); reply.StatusCode != http.StatusCreated || !strings.Contains(fmt.Sprint(reply.Header["Link"]), "turn:") {
		t.Errorf("%s with %v", reply.Status, reply.Header)
	} else {
		c.look(t, "the header for viewers", fmt.Sprint(reply.Header))
	}

	// What is shown at the doors, and is wrong.
	for _, e := range entries() {
		s.try(t, e, paper{kind: "canary", text: c.Of("shown")}, origins()[1])
		if e.protocol == "WHEP" && e.place == "bearer" { // the keys for it are not to be had
			secrets["a JWT"] = raw(t, jwt.SigningMethodHS256, []byte(c.Of("signed with")), `{"alg":"RS256"}`, payload(nil))
			if got := s.try(t, e, paper{kind: "canary", text: secrets["a JWT"]}, origins()[1]); got != outcome(access.Unavailable) {
				t.Errorf("with a JWT: %s", got)
			}
		}
	}
	s.ask(t, from, http.MethodPost, "/v1/session", nil, fmt.Sprintf(`{"user":"root","password":%q}`, c.Of("wrong-password")))
	s.ask(t, from, http.MethodPost, "/v1/setup", nil, fmt.Sprintf(`{"user":"eve","password":"long enough","token":%q}`, c.Of("setup-token")))
	s.ask(t, from, http.MethodGet, "/v1/streams?token="+c.Of("query-of-the-api"), nil, "")
	s.ask(t, from, http.MethodGet, "/show/a?exp=1&kid=k&sig="+c.Of("signature"), nil, "")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if p, err := rtmpd.Dial(ctx, "rtmp://"+elsewhere+":"+s.rtmp+"/live/x?key="+secrets["rtmp-key-2"], rtmpd.DialOptions{}); err != nil {
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
		strings.Replace(string(good), "key: "+secrets["rtmp-key"], "kei: "+secrets["rtmp-key"], 1),
		strings.Replace(string(good), "key: "+secrets["rtmp-key"], "key: ["+secrets["rtmp-key"]+"]", 1),
		strings.Replace(string(good), "key: "+secrets["rtmp-key"], "key: \""+secrets["rtmp-key"], 1),
		strings.Replace(string(good), secrets["webhook"], secrets["webhook"][6:], 1),
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
	cmd.Env = append(os.Environ(), "WEIR_TOKEN="+secrets["token admin"], "SSL_CERT_FILE="+s.dir+"/cert.pem")
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
