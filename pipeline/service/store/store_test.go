package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/test/versitygw"
)

func object(key, content string, fixed bool) Object {
	return Object{
		Key: key, Body: strings.NewReader(content), Size: int64(len(content)),
		Sum: sha256.Sum256([]byte(content)), Type: "text/plain", Fixed: fixed,
	}
}

// gateway is versitygw over an empty directory, with a bucket "shows".
func gateway(t *testing.T) (cfg S3, dir string) {
	t.Helper()
	at, dir := versitygw.Start(t)
	cfg = Default().S3
	cfg.Endpoint, cfg.Bucket, cfg.Region, cfg.Style = "http://"+at, versitygw.Bucket, "us-east-1", "path"
	cfg.AccessKey, cfg.SecretKey = pipeline.NewSecret(versitygw.Access), pipeline.NewSecret(versitygw.Secret)
	return cfg, dir
}

func open(t *testing.T, cfg Place) Store {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every store does what the interface promises.
func TestStores(t *testing.T) {
	t.Run("dir", func(t *testing.T) {
		conformance(t, open(t, Place{Dir: filepath.Join(t.TempDir(), "made", "when needed")}))
	})
	t.Run("s3", func(t *testing.T) {
		cfg, dir := gateway(t)
		conformance(t, open(t, Place{S3: cfg}))
		cfg.Prefix = "below/this"
		conformance(t, open(t, Place{S3: cfg}))
		if _, err := os.Stat(filepath.Join(dir, "shows", "below", "this", "kept")); err != nil {
			t.Error(err)
		}
	})
}

func conformance(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	if _, err := s.Stat(ctx, "a/none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("stat of nothing: %v", err)
	}
	if _, err := s.Get(ctx, "a/none", 0, -1); !errors.Is(err, ErrNotFound) {
		t.Errorf("get of nothing: %v", err)
	}
	for key, content := range map[string]string{"a/b+c/1.m4s": "one", "a/b+c/2.m4s": strings.Repeat("two", 1e6), "a/empty": "", "kept": "x"} {
		if err := s.Put(ctx, object(key, content, true)); err != nil {
			t.Fatalf("put %s: %v", key, err)
		}
		if got := read(t, s, key); got != content {
			t.Errorf("%s: %d bytes came back of %d", key, len(got), len(content))
		}
		info, err := s.Stat(ctx, key)
		if err != nil || info.Size != int64(len(content)) || info.Modified.IsZero() || info.Summed && info.Sum != sha256.Sum256([]byte(content)) {
			t.Errorf("stat %s: %+v, %v", key, info, err)
		}
	}

	// What is fixed is put once; the same again is no error.
	if err := s.Put(ctx, object("a/b+c/1.m4s", "one", true)); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := s.Put(ctx, object("a/b+c/1.m4s", "eno", true)); !errors.Is(err, ErrExists) {
		t.Errorf("another one: %v", err)
	}
	if got := read(t, s, "a/b+c/1.m4s"); got != "one" {
		t.Errorf("it was replaced by %q", got)
	}
	for _, content := range []string{"first", "then", ""} {
		if err := s.Put(ctx, object("a/list", content, false)); err != nil || read(t, s, "a/list") != content {
			t.Errorf("replace: %v", err)
		}
	}

	// What is not what it says to be is not put.
	bad := object("a/bad", "content", true)
	bad.Body = strings.NewReader("confent")
	if err := s.Put(ctx, bad); err == nil {
		t.Error("damaged content was put")
	}
	short := object("a/bad", "content", true)
	short.Body = strings.NewReader("con")
	if err := s.Put(ctx, short); err == nil {
		t.Error("truncated content was put")
	}
	for _, key := range []string{"../up", "/root", "a//b", "a/../../b", "", "a\\b", "ü", "a/" + strings.Repeat("x", 300)} {
		if err := s.Put(ctx, object(key, "x", true)); err == nil {
			t.Errorf("key %q was put", key)
		}
	}
	if got, want := list(t, s, "a/"), []string{"a/b+c/1.m4s", "a/b+c/2.m4s", "a/empty", "a/list"}; !slices.Equal(got, want) {
		t.Errorf("list: %q, want %q", got, want)
	}
	for _, part := range []struct{ from, size int64 }{{0, 3}, {1000, 9}, {3e6 - 2, 2}, {5, 0}, {3e6 - 3, -1}} {
		r, err := s.Get(ctx, "a/b+c/2.m4s", part.from, part.size)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		want := strings.Repeat("two", 1e6)[part.from:]
		if part.size >= 0 {
			want = want[:part.size]
		}
		if string(got) != want || err != nil {
			t.Errorf("%d bytes from %d: %q, %v", part.size, part.from, got, err)
		}
		r.Close()
	}
	if got := list(t, s, "a/b+c/2"); len(got) != 1 {
		t.Errorf("list by a prefix within a name: %q", got)
	}
	if got := list(t, s, "none/"); len(got) != 0 {
		t.Errorf("list of nothing: %q", got)
	}
	for _, key := range []string{"a/b+c/1.m4s", "a/b+c/2.m4s", "a/empty", "a/list", "a/none"} {
		if err := s.Delete(ctx, key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	if got := list(t, s, "a/"); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Put(cancelled, object("a/late", "x", true)); err == nil {
		t.Error("a put with an ended context succeeds")
	}
}

func read(t *testing.T, s Store, key string) string {
	t.Helper()
	r, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("get %s: %v", key, err)
	}
	return string(b)
}

func list(t *testing.T, s Store, prefix string) []string {
	t.Helper()
	var keys []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %s: %v", prefix, err)
		}
		keys = append(keys, info.Key)
	}
	slices.Sort(keys)
	return keys
}

// What a service or the network refuses is said in words that name the remedy.
func TestWords(t *testing.T) {
	cfg, _ := gateway(t)
	with := func(change func(*S3)) Place {
		c := cfg
		change(&c)
		return Place{S3: c}
	}
	secure, _ := url.Parse(cfg.Endpoint)
	for name, c := range map[string]struct {
		cfg     Place
		refused bool
		words   string
	}{
		"no bucket":    {with(func(c *S3) { c.Bucket = "nowhere" }), true, "create it"},
		"unknown key":  {with(func(c *S3) { c.AccessKey = pipeline.NewSecret("revoked") }), true, "access_key"},
		"wrong secret": {with(func(c *S3) { c.SecretKey = pipeline.NewSecret("wrong") }), true, "copy secret_key again"},
		"not there":    {with(func(c *S3) { c.Endpoint = "http://127.0.0.1:1" }), false, "nobody listens"},
		"no TLS":       {with(func(c *S3) { c.Endpoint = "https://" + secure.Host }), true, "write http://"},
	} {
		t.Run(name, func(t *testing.T) {
			err := open(t, c.cfg).Put(t.Context(), object("a", "b", true))
			if err == nil || errors.Is(err, ErrRefused) != c.refused || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v", err)
			}
		})
	}
}

// answers is a bucket whose service gives one answer to everything.
func answers(t *testing.T, h http.HandlerFunc) Store {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg := Default().S3
	cfg.Endpoint, cfg.Bucket, cfg.Region, cfg.Style = srv.URL, "shows", "us-east-1", "path"
	cfg.AccessKey, cfg.SecretKey = pipeline.NewSecret("key"), pipeline.NewSecret("secret")
	return open(t, Place{S3: cfg})
}

func TestAnswers(t *testing.T) {
	for code, c := range map[string]struct {
		status int
		is     error
		words  string
	}{
		"RequestTimeTooSkewed": {403, ErrRefused, "timedatectl"},
		"AccessDenied":         {403, ErrRefused, "s3:PutObject"},
		"SlowDown":             {503, nil, "asks for less"},
		"InternalError":        {500, nil, "error of its own"},
		"QuotaExceeded":        {403, ErrFull, "quota"},
		"ExpiredToken":         {400, ErrRefused, "expired"},
	} {
		t.Run(code, func(t *testing.T) {
			tries := 0
			s := answers(t, func(w http.ResponseWriter, r *http.Request) {
				tries++
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(c.status)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
			})
			err := s.Put(t.Context(), object("a", "b", true))
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "secret") && c.is == nil {
				t.Errorf("%v", err)
			}
			if tries != 1 {
				t.Errorf("%d tries", tries)
			}
		})
	}
}

// An answer of 200 for what never arrived is found out.
func TestLiar(t *testing.T) {
	cfg, _ := gateway(t)
	target, err := url.Parse(cfg.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(target)
	through.Director = func(r *http.Request) { r.URL.Host, r.URL.Scheme = target.Host, target.Scheme }
	honest := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && !honest {
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		r.Host = r.Header.Get("Host")
		through.ServeHTTP(w, r)
	}))
	defer srv.Close()
	proxied := cfg
	proxied.Endpoint = srv.URL
	s := open(t, Place{S3: proxied})
	if err := s.Put(t.Context(), object("a", "b", true)); err == nil {
		t.Error("it was believed")
	}
}

// A service without conditional puts still never has an object replaced.
func TestUnconditional(t *testing.T) {
	objects := map[string][]byte{}
	s := answers(t, func(w http.ResponseWriter, r *http.Request) {
		switch have, ok := objects[r.URL.Path]; {
		case r.Header.Get("If-None-Match") != "":
			w.WriteHeader(http.StatusNotImplemented)
			fmt.Fprint(w, "<Error><Code>NotImplemented</Code></Error>")
		case r.Method == http.MethodPut:
			objects[r.URL.Path], _ = io.ReadAll(r.Body)
			w.Header().Set("ETag", `"x"`)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			w.Header().Set("X-Amz-Meta-Weir-Sha256", fmt.Sprintf("%x", sha256.Sum256(have)))
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(have)))
		}
	})
	for range 2 {
		if err := s.Put(t.Context(), object("a", "b", true)); err != nil {
			t.Error(err)
		}
	}
	if err := s.Put(t.Context(), object("a", "c", true)); !errors.Is(err, ErrExists) || string(objects["/shows/a"]) != "b" {
		t.Errorf("%v, %q", err, objects)
	}
}

func TestConfig(t *testing.T) {
	good := Default()
	good.S3.Endpoint, good.S3.Bucket = "s3.example.net", "shows"
	for field, change := range map[string]func(*Place){
		"":               func(*Place) {},
		"dir":            func(c *Place) { c.Dir = "x" },
		"s3.endpoint":    func(c *Place) { c.S3.Endpoint = "ftp://x" },
		"s3.bucket":      func(c *Place) { c.S3.Bucket = "No" },
		"s3.prefix":      func(c *Place) { c.S3.Prefix = "/x/" },
		"s3.secret_key":  func(c *Place) { c.S3.AccessKey = pipeline.NewSecret("x") },
		"s3.kms_key":     func(c *Place) { c.S3.KMSKey = "x" },
		"dir: the store": func(c *Place) { *c = Default() },
	} {
		c := good
		change(&c)
		err := c.Validate()
		if (err == nil) != (field == "") || err != nil && !strings.Contains(err.Error(), field) {
			t.Errorf("%q: %v", field, err)
		}
	}
	if a := good.Address(); a != "s3 s3.example.net/shows" {
		t.Error(a)
	}
	if text := fmt.Sprintf("%+v", good); bytes.Contains([]byte(text), []byte("secret!")) {
		t.Error(text)
	}
}

// A probe says how far it came, and leaves nothing behind.
func TestProbe(t *testing.T) {
	s := open(t, Place{Dir: t.TempDir()})
	steps := Probe(t.Context(), s)
	if len(steps) != 5 {
		t.Errorf("%d steps", len(steps))
	}
	for _, step := range steps {
		if step.Err != nil {
			t.Errorf("%s: %v", step.What, step.Err)
		}
	}
	if left := list(t, s, ""); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if steps := Probe(t.Context(), open(t, Place{Dir: file})); len(steps) != 1 || steps[0].Err == nil {
		t.Errorf("%+v", steps)
	}
}
