//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/test/machine"
	"weir/test/nginx"
	"weir/test/versitygw"
)

// firstFile is what somebody writes who has read the first page of the README.
const firstFile = `server:
  http: {listen: %q}
  rtmp: {listen: %q}
  webrtc: {udp: %q, tcp: %q}
  outgoing: {allow: [127.0.0.1]}
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/whip}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
      watch: {use: outputs/whep, from: cam}
`

// minutes is what minutes.mjs saw.
type minutes struct {
	Errors, External, Violations []string
	Steps                        struct {
		SetUp   struct{ Browser string }
		Publish struct {
			Codec   string
			Seconds float64
		}
		Tile struct {
			Appears, Pictured float64 // s
			Picture           struct{ Width, Height, Mean, Deviation float64 }
			Text              string
		}
		Target        struct{ Text string }
		Record, Again struct{ Probed []string }
		Share         string
		Friend        struct {
			Without struct {
				Refused         []int
				Frames, Cookies int
			}
			Way  string
			Rise watched
		}
		Play struct {
			Text string
			Film struct{ Width, Height, Duration, Frames, Audio float64 }
		}
		YAML    string
		Viewer  watched
		Restart struct{ Target string }
	}
}

// watched is by how much counters rose while somebody watched.
type watched struct {
	At             float64 // ms
	Sent           int     // frames, by the publisher
	FramesReceived int
	FramesDecoded  int
	FramesDropped  int
	FreezeCount    int
	PacketsLost    int
	PLICount       int
	Energy         float64 // of the sound
}

// process is a server that can be started again.
type process struct {
	dir, url string
	cmd      *exec.Cmd
	out      *output
}

// output is what a process has said.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (p *process) start(t *testing.T) {
	t.Helper()
	binary, err := filepath.Abs("../../bin/weir")
	if err != nil {
		t.Fatal(err)
	}
	p.cmd, p.out = exec.Command(binary, "run", "weir.yaml"), new(output)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%v (make build)", err)
	}
	eventually(t, 15*time.Second, "the server is ready", func() bool {
		res, err := http.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// stop wants the server to leave by itself with status 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	cmd := p.cmd
	if cmd == nil {
		return
	}
	p.cmd = nil
	_ = cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if t.Failed() {
		t.Logf("the server's log:\n%s", p.out)
	}
}

var setupLink = regexp.MustCompile(`http://\S+/setup#token=\S+`)

// The first ten minutes (docs/guides/first-ten-minutes.md): a server and its set-up link, a
// user, a stream from a browser, a target, a recording in a bucket, a link for somebody else,
// the configuration as text, and a restart. Who watches meanwhile loses nothing.
func TestFirstTenMinutes(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1)
	target := nginx.Start(t)
	bucket, _ := versitygw.Start(t)
	dir := t.TempDir()
	p := &process{dir: dir, url: "http://" + freeAddr(t)}
	media := freeAddr(t)
	text := fmt.Sprintf(firstFile, strings.TrimPrefix(p.url, "http://"), freeAddr(t), media, media)
	if err := os.WriteFile(filepath.Join(dir, "weir.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start(t)
	t.Cleanup(func() { p.stop(t) })
	link := setupLink.FindString(p.out.String())
	if link == "" {
		t.Fatalf("no set-up link in\n%s", p.out)
	}
	arrived := filepath.Join(target.Dir, "cam.flv") // anew with each push
	m := p.minutes(t, func() { pushed(t, arrived, 100) }, link, "target=rtmp://"+target.Address+"/"+nginx.App, "key=cam",
		"s3=http://"+bucket, "bucket="+versitygw.Bucket, "access="+versitygw.Access, "secret="+versitygw.Secret)
	s := &m.Steps
	for what, list := range map[string][]string{"errors": m.Errors, "requests to other hosts": m.External, "policy violations": m.Violations} {
		if len(list) > 0 {
			t.Errorf("%s:\n%s", what, strings.Join(list, "\n"))
		}
	}
	if s.Tile.Picture.Width != 320 || s.Tile.Picture.Deviation < 5 || !strings.Contains(s.Tile.Text, "Good") && !strings.Contains(s.Tile.Text, "Check") {
		t.Errorf("the tile: %+v", s.Tile)
	}
	if within := s.Tile.Appears + s.Tile.Pictured; within > 3 {
		t.Errorf("the tile had its picture %.1f s after the browser went live", within)
	}
	for _, probed := range [][]string{s.Record.Probed, s.Again.Probed} {
		if len(probed) != 5 || strings.Contains(strings.Join(probed, "\n"), "error") {
			t.Errorf("the bucket was tried: %q", probed)
		}
	}
	f := &s.Friend
	if w := f.Without; w.Frames > 0 || w.Cookies > 0 || len(w.Refused) == 0 || w.Refused[0] != http.StatusUnauthorized && w.Refused[0] != http.StatusForbidden {
		t.Errorf("without a link: %+v", w)
	}
	f.Rise.check(t, "the friend")
	s.Viewer.check(t, "the first viewer")
	if film := s.Play.Film; film.Width != 640 || film.Frames < 20 || film.Audio == 0 || film.Duration < 5 {
		t.Errorf("the recording: %+v", s.Play)
	}
	if !strings.Contains(s.YAML, "outputs/rtmp") || !strings.Contains(s.YAML, bucket) || strings.Contains(s.YAML, `"`+versitygw.Secret+`"`) {
		t.Errorf("the exported file:\n%s", s.YAML)
	}
	p.checks(t, s.YAML)
	if !strings.Contains(s.Restart.Target, "127.0.0.1") {
		t.Errorf("after the restart: %+v", s.Restart)
	}
	pushed(t, arrived, 10)
	v := &s.Viewer
	t.Logf("FIGURE first ten minutes: tile after %.1f s, with a picture %.1f s later; the first viewer: %d frames sent, %d received, %d decoded in %.1f s, %d freezes; the friend: %.1f of %.1f fps by %s",
		s.Tile.Appears, s.Tile.Pictured, v.Sent, v.FramesReceived, v.FramesDecoded, v.At/1000, v.FreezeCount, f.Rise.fps(f.Rise.FramesDecoded), f.Rise.fps(f.Rise.Sent), f.Way)
}

// fps is so many frames by the time.
func (w *watched) fps(frames int) float64 { return float64(frames) / (w.At / 1000) }

// check wants nothing lost on the way: what is sent arrives, is heard, and is shown, as far
// as the machine is fast enough for that.
func (w *watched) check(t *testing.T, who string) {
	t.Helper()
	if w.FramesReceived < w.Sent {
		t.Errorf("%s: %d frames were sent and %d came", who, w.Sent, w.FramesReceived)
	}
	if w.PacketsLost > 0 || w.PLICount > 0 {
		t.Errorf("%s: %d packets were lost, %d key frames asked for", who, w.PacketsLost, w.PLICount)
	}
	if keepsUp := w.fps(w.Sent) >= 28; w.FramesDecoded == 0 || keepsUp && w.fps(w.FramesDecoded) < 25 {
		t.Errorf("%s: %d of %d frames were shown, %d dropped", who, w.FramesDecoded, w.Sent, w.FramesDropped)
	}
	if w.Energy <= 0 {
		t.Errorf("%s: nothing was to be heard", who)
	}
}

// minutes goes through the first ten minutes, and restarts the server when it is asked to,
// after before.
func (p *process) minutes(t *testing.T, before func(), words ...string) (m minutes) {
	t.Helper()
	words = append([]string{"minutes.mjs"}, words...)
	words = append(words, screenshots(t)...)
	cmd := exec.CommandContext(t.Context(), "node", words...)
	var out bytes.Buffer
	cmd.Stdout = &out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(said); lines.Scan(); {
		t.Log(lines.Text())
		if lines.Text() == "restart" {
			before()
			p.stop(t)
			p.start(t)
			_, _ = io.WriteString(in, "done\n")
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("minutes.mjs: %v", err)
	}
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	t.Logf("%s", out.String())
	return m
}

// checks wants a configuration to be good.
func (p *process) checks(t *testing.T, yaml string) {
	t.Helper()
	file := filepath.Join(p.dir, "exported.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "../../bin/weir", "check", file).CombinedOutput(); err != nil {
		t.Errorf("weir check: %v\n%s\n%s", err, out, yaml)
	}
}

// pushed wants nginx to have so many units of pictures and of sound, at least.
func pushed(t *testing.T, file string, least int) {
	t.Helper()
	_, all := packets(t, file)
	kinds := make(map[string]int)
	for _, each := range all {
		kinds[each.Kind]++
	}
	if kinds["video"] < least || kinds["audio"] < least {
		t.Errorf("nginx has received %v", kinds)
	}
}
