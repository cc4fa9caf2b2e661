//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/test/machine"
)

// cores are what tests take parts of, to run beside each other. What a test takes is the
// CPU time that it, its server and its browsers use, by the time that it lasts.
var cores = machine.New()

// key is what publishers must present.
const key = "e2e-key-8c1f6d02b7"

// The pipelines of a test's server.
const (
	// takesRTMP takes publishers by RTMP at live/… and serves HLS.
	takesRTMP = `
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 4s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
`
	// byWebRTC takes publishers by WHIP at live/… and by RTMP at rtmp/…, and serves
	// both by WHEP and by HLS.
	byWebRTC = `
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/whip, with: {key: "` + key + `", grace: 4s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
      watch: {use: outputs/whep, from: cam}
  rtmp/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 4s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
      watch: {use: outputs/whep, from: cam}
`
	// playsClip plays clip.mp4 of the server's directory at file/clip.
	playsClip = `
  file/clip:
    when: always
    stages:
      cam: {use: ingest/file, with: {path: clip.mp4}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
      watch: {use: outputs/whep, from: cam}
`
)

// weir is a server: where it listens, the directory of its clips, and the certificate of
// its listeners.
type weir struct {
	http, rtmp, media, files string
	cert, key                string
	settings                 string    // further lines of its server section
	webrtc, access           string    // further settings of those sections of it, in flow style
	log                      *speaking // what it says, for whoever wants to know
}

// speaking is what a process has said so far.
type speaking struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *speaking) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *speaking) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// start runs a server that takes RTMP and serves HLS.
func start(t *testing.T) weir {
	t.Helper()
	return startWith(t, takesRTMP)
}

// startWith runs a server with these pipelines on ports of its own.
func startWith(t *testing.T, pipelines string) weir {
	t.Helper()
	w := weir{http: freeAddr(t), rtmp: freeAddr(t), media: freeAddr(t)}
	w.run(t, nil, http.DefaultClient, pipelines)
	return w
}

// run runs bin/weir, with words in front of the command, until the test ends, and then
// wants it to leave by itself with status 0. client reaches it.
func (w weir) run(t *testing.T, where []string, client *http.Client, pipelines string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "weir.yaml")
	configuration := fmt.Sprintf("server:\n  http: {listen: %q}\n  rtmp: {listen: %q}\n  webrtc: {udp: %q, tcp: %q, %s}\n  access: {play: anyone, %s}\n",
		w.http, w.rtmp, w.media, w.media, w.webrtc, w.access)
	if w.files != "" {
		configuration += fmt.Sprintf("  files: %q\n", w.files)
	}
	scheme := "http"
	if w.cert != "" {
		scheme = "https"
		configuration += fmt.Sprintf("  tls: {cert: %q, key: %q}\n", w.cert, w.key)
	}
	configuration += w.settings
	if err := os.WriteFile(file, []byte(configuration+"pipelines:"+pipelines), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := filepath.Abs("../../bin/weir")
	if err != nil {
		t.Fatal(err)
	}
	words := append(slices.Clone(where), binary, "run", file)
	cmd := exec.Command(words[0], words[1:]...)
	log := w.log
	if log == nil {
		log = new(speaking)
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Dir(file), log, log // where it records to
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make build)", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the server ended with %v", err)
			}
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
			t.Error("the server did not end within 20 s of SIGTERM")
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", log.String())
		}
	})
	eventually(t, 15*time.Second, "the server is ready", func() bool {
		res, err := client.Get(scheme + "://" + w.http + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// publish sends a clip over and over in real time, until stop is called or the
// test ends.
func (w weir) publish(t *testing.T, name, clip string) (stop func()) {
	t.Helper()
	return w.publishAt(t, "live/"+name, clip)
}

func (w weir) publishAt(t *testing.T, path, clip string) (stop func()) {
	t.Helper()
	return w.publishFrom(t, nil, path, clip)
}

// publishFrom is publishAt with words in front of the command.
func (w weir) publishFrom(t *testing.T, where []string, path, clip string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	words := slices.Concat(where, []string{
		"ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin",
		"-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "flv",
		"rtmp://" + w.rtmp + "/" + path + "?key=" + key,
	})
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = sync.OnceFunc(func() {
		select {
		case err := <-ended:
			cancel()
			t.Errorf("the publisher ended by itself: %v\n%s", err, log.String())
		default:
			cancel()
			<-ended // killed
		}
	})
	t.Cleanup(stop)
	return stop
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// eventually waits for a condition that nothing tells of.
func eventually(t *testing.T, within time.Duration, what string, is func() bool) {
	t.Helper()
	deadline, tick := time.After(within), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}
