//go:build e2e

package e2e

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// node runs a script of test/e2e/client and gives what it says.
func node(t *testing.T, words ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", words...)
	cmd.Dir = "client"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// The document of a real server is valid to a public validator, and a client that is
// generated from it runs the whole life of a pipeline: every operation is seen to succeed
// and to fail, and every answer is as the document says.
func TestGeneratedClient(t *testing.T) {
	cores.Take(t, 0.6)
	w := weir{
		http: freeAddr(t), rtmp: freeAddr(t), media: freeAddr(t), log: new(speaking),
		settings: "  outgoing: {allow: [127.0.0.1]}\n",
	}
	w.run(t, nil, http.DefaultClient, `
  target/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: life-target-key-41, grace: 1s}}
      hls: {use: outputs/hls, from: cam}
`)
	res, err := http.Get("http://" + w.http + "/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	document, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	const made = "client/made" // beside what it imports
	if err := os.MkdirAll(made, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(made, "openapi.json"), document, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Log(node(t, "validate.mjs", "made/openapi.json"))
	node(t, "../node_modules/openapi-typescript/bin/cli.js", "made/openapi.json", "--default-non-nullable=false", "-o", "made/schema.d.ts")
	node(t, "../node_modules/typescript/bin/tsc", "-p", ".")
	var token string
	eventually(t, 15*time.Second, "the server prints its set-up link", func() bool {
		if m := regexp.MustCompile(`/setup#token=(\w+)`).FindStringSubmatch(w.log.String()); m != nil {
			token = m[1]
		}
		return token != ""
	})
	_, port, err := net.SplitHostPort(w.rtmp)
	if err != nil {
		t.Fatal(err)
	}
	clip, err := filepath.Abs("../../testdata/media/h264-aac.mp4")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(node(t, "made/out/life.js", "http://"+w.http, "made/openapi.json", token, port, clip))
}
