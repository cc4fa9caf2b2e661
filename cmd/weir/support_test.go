package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"weir/pipeline"
	"weir/pipeline/config"
	"weir/transcode/worker"
)

// canary marks what must not be seen.
const canary = "cnry_"

// planter gives every secret of values another canary.
type planter struct{ planted int }

func (p *planter) secret() pipeline.Secret {
	p.planted++
	return pipeline.NewSecret(fmt.Sprintf("%s%d/\"x y", canary, p.planted))
}

func (p *planter) plant(v reflect.Value) {
	switch v.Interface().(type) {
	case pipeline.Secret:
		v.Set(reflect.ValueOf(p.secret()))
		return
	case []pipeline.Secret:
		v.Set(reflect.ValueOf([]pipeline.Secret{p.secret(), p.secret()}))
		return
	}
	switch v.Kind() { //nolint:exhaustive // the others hold none
	case reflect.Pointer:
		if !v.IsNil() {
			p.plant(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				p.plant(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			p.plant(v.Index(i))
		}
	}
}

// T7: with a canary in every secret of the server's section and of every stage type, none
// is in what a bundle shows of a configuration.
func TestConfigurationShowsNoSecret(t *testing.T) {
	file := &config.File{Server: config.DefaultServer()}
	var p planter
	p.plant(reflect.ValueOf(&file.Server))
	plan := &pipeline.Plan{Def: &pipeline.Definition{}}
	for _, f := range stages(services{av: worker.NewHost(worker.Config{Log: slog.New(slog.DiscardHandler)})}) {
		c := f.Config()
		p.plant(reflect.ValueOf(c))
		plan.Nodes = append(plan.Nodes, &pipeline.Node{Name: "a", Use: f.Spec().Type, Config: c})
	}
	file.Plans = []*pipeline.Plan{plan}
	var b bytes.Buffer
	if err := writeJSON(&b, shownConfig(file)); err != nil {
		t.Fatal(err)
	}
	if p.planted < 10 || strings.Contains(b.String(), canary) {
		t.Errorf("%d canaries in\n%s", p.planted, b.String())
	}
	if got := new(support).secrets(file); len(got) != p.planted+1 {
		t.Errorf("%d of %d secrets are known", len(got)-1, p.planted)
	}
}

const secretive = `
server:
  webrtc: {stun: ["stun.example.net:3478"], turn: {urls: ["turn:turn.example.net:3478"], secret: cnry_turn}}
pipelines:
  live/{name}:
    stages:
      cam: {use: [ingest/rtmp, ingest/whip], with: {key: env:BUNDLE_KEY, keys: ["cnry_second"]}}
      cdn: {use: outputs/rtmp, from: cam, with: {url: "rtmps://host/app/cnry_in_url", backup: both, backup_url: "rtmps://host/b", backup_key: "cnry_backup"}}
      keep: {use: record, from: cam, with: {store: {s3: {endpoint: "s3.example.net", bucket: recordings, access_key: cnry_access, secret_key: "cnry_secret/+"}}}}
`

// T7: nothing that is secret is in any file of a bundle, wherever it comes from: the
// configuration, the environment, the server's answers, the log.
func TestSupportBundleHasNoSecret(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer cnry_api_token" {
			t.Errorf("%s is asked for with %q", r.URL.Path, got)
		}
		switch r.URL.Path {
		case "/v1/streams":
			fmt.Fprint(w, `{"items":[{"path":"live/a","outputs":[{"message":"dial rtmp://u:cnry_p@host/app/cnry_k?cnry_q: refused"}]}]}`)
		case "/v1/streams/live/a/graph":
			fmt.Fprint(w, `{"nodes":[{"detail":{"target":"rtmp://host/app/cnry_graph","stream_key":"cnry_named"}}]}`)
		case "/v1/config":
			fmt.Fprint(w, `{"yaml":"a:\n  url: https://cnry_u:cnry_p@host/x?sig=cnry_s#cnry_f\n  key: cnry_yaml\n"}`)
		case "/metrics":
			fmt.Fprint(w, "weir_a{b=\"cnry_second\"} 1\n")
		case "/readyz":
			fmt.Fprint(w, "store: https://s3.example.net/b?X-Amz-Signature=cnry_sig cnry_secret%2F%2B\n")
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"title":"no such thing","detail":"token=cnry_echo"}`)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Setenv("BUNDLE_KEY", "cnry_from_environment")
	file, token := write("weir.yaml", secretive), write("token", "cnry_api_token\n")
	log := write("weir.log", `{"msg":"publish","url":"rtmp://host/live/a?key=cnry_log","key":"cnry_from_environment"}`+"\n"+
		"Authorization: Bearer cnry_bearer\nset-cookie: weir_session=cnry_cookie\npassword: cnry_password\n")
	zipped := filepath.Join(dir, "facts.zip")
	var out, wrongs bytes.Buffer
	words := []string{"support-bundle", file, "--url", server.URL, "--token-file", token, "--log", log, "-o", zipped}
	if code := execute(words, &out, &wrongs); code != 0 || strings.Contains(out.String()+wrongs.String(), canary) {
		t.Fatalf("exit %d\n%s%s", code, &out, &wrongs)
	}
	parts := unzip(t, zipped)
	if text := parts["problems.txt"]; text != "" {
		t.Error(text)
	}
	for name, text := range parts {
		if i := strings.Index(text, canary); i >= 0 {
			t.Errorf("%s: …%s", name, text[max(0, i-60):min(len(text), i+40)])
		}
	}
	for name, want := range map[string]string{
		"version.json": `"go"`, "configuration.json": `"bucket": "recordings"`, "graph.txt": "outputs/rtmp", "variables.json": "BUNDLE_KEY is set",
		"machine.json": `"OpenFiles"`, "log.txt": `"msg":"publish"`, "server/streams.json": "dial rtmp://***@host/app/***?***",
		"server/graphs/live%2Fa.json": `"stream_key": "***"`, "server/metrics.txt": "weir_a", "index.json": `"missing"`,
	} {
		if !strings.Contains(parts[name], want) {
			t.Errorf("%s has no %s:\n%s", name, want, parts[name])
		}
	}
	if info, err := os.Stat(zipped); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if code := execute(words, &out, &wrongs); code != exitFailure || !strings.Contains(wrongs.String(), "help: remove it, or choose another name by -o") {
		t.Errorf("a bundle that is there is written over: %d, %s", code, &wrongs)
	}
}

// Without a server and with a file that is wrong there is a bundle too, of what there is.
func TestSupportBundleOfNothing(t *testing.T) {
	dir := t.TempDir()
	file, zipped := filepath.Join(dir, "weir.yaml"), filepath.Join(dir, "facts.zip")
	if err := os.WriteFile(file, []byte("pipelines:\n  live/a:\n    stages:\n      cam: {use: ingest/rtmp, with: {key: cnry_x, greys: 1}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, wrongs bytes.Buffer
	if code := execute([]string{"support-bundle", file, "--url", "http://127.0.0.1:9", "-o", zipped}, &out, &wrongs); code != 0 {
		t.Fatalf("%d: %s", code, &wrongs)
	}
	parts := unzip(t, zipped)
	if text := parts["problems.txt"]; !strings.Contains(text, "greys") || strings.Contains(text, canary) {
		t.Error(text)
	}
	if !strings.Contains(out.String(), "server/streams.json: ask the server: ") {
		t.Error(out.String())
	}
}

func unzip(t *testing.T, name string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	parts := make(map[string]string)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(text)
	}
	return parts
}
