//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/test/machine"
)

// Who opens a watch page by a link, or with a token, watches by WebRTC and by HLS; what has
// let him in is in no address afterwards. Nobody is trusted here for coming from this machine.
func TestLinks(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1)
	files, err := filepath.Abs("../../testdata/media")
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "access.json")
	weirSays := func(words ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "../../bin/weir", append(words, "--state", state)...).Output()
		if err != nil {
			t.Fatalf("weir %s: %v", words[0], err)
		}
		for _, word := range strings.Fields(string(out)) {
			if strings.HasPrefix(word, "weirt_") || strings.HasPrefix(word, "http://") {
				return word
			}
		}
		t.Fatalf("weir %s says %s", words[0], out)
		return ""
	}
	w := weir{http: freeAddr(t), rtmp: freeAddr(t), media: freeAddr(t), files: files}
	link := weirSays("sign", "file/clip", "--base", "http://"+w.http)
	token := weirSays("token", "create", "viewer", "--scope", "play", "--stream", "file/*")
	w.run(t, []string{"env", "WEIR_SERVER__ACCESS__PLAY=credentials", "WEIR_SERVER__ACCESS__LOOPBACK=nobody", "WEIR_SERVER__ACCESS__STATE=" + state}, http.DefaultClient, `
  file/clip:
    when: always
    stages:
      cam: {use: ingest/file, with: {path: h264-opus.mp4, loop: true}}
      hls: {use: outputs/hls, from: cam, with: {segment: 1s, low_latency: true}}
      watch: {use: outputs/whep, from: cam}
`)
	page := "http://" + w.http + "/file/clip"
	for _, address := range []string{page + "/index.m3u8", page + "/index.m3u8?token=" + token + "x", strings.Replace(link, "?", "/index.m3u8?", 1) + "A"} {
		if res, err := http.Get(address); err != nil || res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v %v", address, res, err)
		} else {
			res.Body.Close()
		}
	}
	res, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if policy := res.Header.Get("Content-Security-Policy"); res.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(policy, "frame-ancestors *") {
		t.Errorf("the page has %v", res.Header)
	}
	for _, c := range []struct{ name, address, after, way string }{
		{"a link", link + "&embed=1", page + "?embed=1", "webrtc"},
		{"a token", page + "?token=" + token, page, "webrtc"},
		{"a link, HLS", link, page, "hls"},
		{"a token, HLS", page + "?embed&token=" + token, page + "?embed=", "hls"},
	} {
		options := []string{"patience=40"}
		if c.way == "hls" {
			options = append(options, "block=full") // a refusal is waited for least
		}
		r := watch(t, c.address, 1, options...)()
		if r.Way != c.way || r.Address != c.after {
			t.Errorf("by %s: %s, at %s", c.name, r.Way, r.Address)
		}
		for _, failure := range r.Failures {
			if !strings.HasPrefix(failure, "404 ") && !(c.way == "hls" && strings.HasPrefix(failure, "503 ")) {
				t.Errorf("by %s: %s", c.name, fmt.Sprint(failure))
			}
		}
	}
}
