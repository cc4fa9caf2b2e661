//go:build e2e

package faults

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// treacherous are names that lead elsewhere than they seem to.
func treacherous() []string {
	return []string{
		"..", ".", "../../etc/passwd", "/etc/passwd", "//etc/passwd", "x/../../y", "x/..", "./x", "x/./y", "x//y",
		"%2e%2e", "..%2f..%2fx", "%2e%2e%2fx", "..\\..\\x", "x\\y", "C:\\x", "x\x00y", "x\x00.mp4", "x\ny", "x\r\nSet-Cookie: y",
		".hidden", "-rf", "~root", "$(id)", "`id`", "x;y", "x|y", "x y", " x", "x ", "x*", "{name}", "<img onerror=x>", "x'y", "x\"y",
		"\u202egnp", "\uff0e\uff0e/x", "\u2024\u2024/x", "\xff\xfe", "caf\u00e9", strings.Repeat("a", 65), strings.Repeat("a/", 40) + "a",
		"a/b/c/d/e", "", "/", "...", "x/", "rtmp://evil/x",
	}
}

// T9: stream names and HTTP paths that try to leave the tree.
func TestNamesThatLeaveTheTree(t *testing.T) {
	cores.Take(t, 0.2)
	root := t.TempDir()
	inside := filepath.Join(root, "deep", "er", "window")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	const canary = "a file that nobody may read"
	for _, name := range []string{"secret-x-1.m4s", "deep/secret-x-1.m4s", "deep/er/secret-x-1.m4s"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(canary), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, listeners+`
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "`+key+`", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {window: 1m, segments: 3, directory: "`+inside+`"}}
`)
	p, v := s.publish(t, "live/good"), s.watch(t, "live/good")
	st := newStream(t, 1, h264(t, 640, 360), aac(t, 48000))
	p.play(st, 2*time.Second)
	outside := tree(t, root, inside)

	let, asked := publishTreacherously(t, s)
	p.play(st, 6*time.Second)
	served := fetchTreacherously(t, s, canary)
	p.play(st, 4*time.Second)
	if now := tree(t, root, inside); !slices.Equal(now, outside) {
		t.Errorf("outside of the window's directory there is %q, and was %q", now, outside)
	}
	held := tree(t, inside, "")
	if len(held) < 3 {
		t.Errorf("the window holds %q", held)
	}
	p.close()
	v.end(20 * time.Second)
	video, audio := whole(t, p, v, true)
	if logged := s.log.lines(key); len(logged) > 0 {
		t.Errorf("the key is in the log: %s", logged[0])
	}
	figure(t, "T9", "names=%d let_in=%q paths=%d files_outside=0 lost_video=%d lost_audio=%d", asked, let, served, len(video.lost), len(audio.lost))
}

// tree lists the files in a folder, but not those in another one.
func tree(t testing.TB, root, but string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && !os.IsNotExist(err): // segments come and go
			return err
		case path == but:
			return fs.SkipDir
		case err == nil && !d.IsDir():
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

// publishTreacherously publishes names as app, as name and in between, and wants
// that no stream comes of them but such as are named like others.
func publishTreacherously(t *testing.T, s *server) (let []string, asked int) {
	t.Helper()
	for _, name := range treacherous() {
		for _, at := range [][2]string{{"live", name}, {"live/" + name, "x"}, {name, "live"}, {"", "live/" + name}} {
			c, err := call(t, s.rtmp, true)
			if err != nil {
				t.Fatal(err)
			}
			asked++
			_, _ = c.Write(publishing(at[0], at[1]+"?key="+key))
			said := string(answer(c))
			_ = c.Close()
			if strings.Contains(said, "NetStream.Publish.Start") {
				let = append(let, at[0]+"|"+at[1])
			}
		}
	}
	for _, l := range let {
		// Slashes and spaces too many are what sloppy encoders send; the name is the same.
		if strings.Trim(strings.TrimPrefix(strings.Trim(l, "/|"), "live"), "/| ") != "x" {
			t.Errorf("%q was let in", l)
		}
	}
	return let, asked
}

// answer is what a server says until it has accepted or refused a publish.
func answer(c net.Conn) (said []byte) {
	buf := make([]byte, 4096)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		n, err := c.Read(buf)
		said = append(said, buf[:n]...)
		if err != nil || strings.Contains(string(said), "NetStream.Publish.") {
			return said
		}
	}
}

// fetchTreacherously asks for what is not to be had.
func fetchTreacherously(t *testing.T, s *server, canary string) (asked int) {
	t.Helper()
	var paths []string
	for _, name := range treacherous() {
		escaped := strings.NewReplacer(" ", "%20", "\n", "%0A", "\r", "%0D", "\x00", "%00", "#", "%23", "?", "%3F").Replace(name)
		paths = append(paths, "/live/"+escaped+"/index.m3u8", "/live/good/"+escaped, "/live/good/"+escaped+".m4s", "/"+escaped)
	}
	up := []string{"../", "%2e%2e/", "..%2f", "%2e%2e%2f", "..\\", "..%5c", "....//", "%252e%252e%252f"}
	for _, u := range up {
		for n := 1; n < 8; n++ {
			paths = append(paths, "/live/good/"+strings.Repeat(u, n)+"secret-x-1.m4s", "/live/"+strings.Repeat(u, n)+"etc/passwd",
				"/assets/"+strings.Repeat(u, n)+"etc/passwd")
		}
	}
	for _, path := range paths {
		c, err := call(t, s.http, false)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
		body, err := io.ReadAll(c)
		_ = c.Close()
		if err != nil {
			t.Errorf("GET %q: %v", path, err)
			continue
		}
		asked++
		var code int
		if _, err := fmt.Sscanf(string(body), "HTTP/1.1 %d", &code); err != nil || (code >= 500 || code == 200) && !harmless(path) {
			t.Errorf("GET %q: %.60q", path, body)
		}
		if strings.Contains(string(body), canary) || strings.Contains(string(body), "root:") {
			t.Errorf("GET %q read a file", path)
		}
	}
	return asked
}

// harmless says whether a path is, after all, that of a page. Without pages built in
// there is a 503.
func harmless(path string) bool {
	return path == "/" || path == "/live/good/" || path == "/live/good/."
}
