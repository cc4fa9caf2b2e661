//go:build e2e

package faults

import (
	"context"
	"crypto/tls"
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
)

// key is what publishers must present.
const key = "faults-key-3b9e11d4a0"

// listeners is the server section of every test's file.
const listeners = `
server:
  http: {listen: "127.0.0.1:0"}
  rtmp: {listen: "127.0.0.1:0"}
  log: {format: json}
`

// webrtc is that section of servers that speak WebRTC too.
const webrtc = listeners + `  webrtc: {udp: "127.0.0.1:0", tcp: ""}
`

// transcoding is a further line of it, for a server whose workers may take that many
// processors.
func transcoding(t *testing.T, cpu int) string {
	t.Helper()
	return fmt.Sprintf("  transcode: {worker: %q, cpu: %d}\n", libav(t), cpu)
}

// standard has low-latency streams: under live/ they wait 4 s for a publisher that has
// gone, under short/ one second.
const standard = listeners + `
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 4s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}
  short/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}
`

// server is a running server process.
type server struct {
	t          testing.TB
	cmd        *exec.Cmd
	http, rtmp string // host:port
	rtmps      string // the same, if it is served
	scheme     string // of what is at http
	file       string // its configuration
	log        *journal
	ended      chan struct{}
	err        error // how it ended; once ended is closed
	stop       func()
}

// start runs the server with a configuration until the test ends, and then wants it
// to leave by itself with status 0.
func start(t testing.TB, configuration string) *server {
	t.Helper()
	return startLimited(t, configuration, "")
}

// startLimited is start with a command of the shell that limits the process before it
// begins.
func startLimited(t testing.TB, configuration, limit string) *server {
	t.Helper()
	s := &server{t: t, file: filepath.Join(t.TempDir(), "weir.yaml"), log: newJournal(), ended: make(chan struct{}), scheme: "http"}
	if strings.Contains(configuration, "\n  tls:") {
		s.scheme = "https"
	}
	s.configure(configuration)
	s.cmd = exec.Command(os.Getenv(binaryVariable), "run", s.file)
	if limit != "" {
		s.cmd = exec.Command("sh", "-c", limit+` && exec "$0" run "$1"`, os.Getenv(binaryVariable), s.file)
	}
	if !strings.Contains(configuration, "webrtc:") { // it has fixed ports
		s.cmd.Env = append(os.Environ(), "WEIR_SERVER__WEBRTC__UDP=", "WEIR_SERVER__WEBRTC__TCP=")
	}
	out := newJournal()
	s.cmd.Stdout, s.cmd.Stderr = out, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.err = s.cmd.Wait(); close(s.ended) }()
	s.stop = sync.OnceFunc(s.terminate)
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.tail(16000))
		}
	})
	eventually(t, 30*time.Second, "the server tells its addresses", func() bool {
		s.http, s.rtmp, s.rtmps = address(out.text(), s.scheme), address(out.text(), "rtmp"), address(out.text(), "rtmps")
		return s.http != "" && s.rtmp != "" || s.over()
	})
	eventually(t, 30*time.Second, "the server is ready", func() bool { return s.status("/readyz") == 200 || s.over() })
	if s.over() {
		t.Fatalf("the server ended: %v", s.err)
	}
	return s
}

// url is that of the server's root.
func (s *server) url() string { return s.scheme + "://" + s.http }

// trusting asks any server that the tests have started.
var trusting = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// address is the first one with that scheme.
func address(text, scheme string) string {
	m := regexp.MustCompile(`\b` + scheme + `://([0-9.:]+)`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// configure writes the server's file.
func (s *server) configure(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// over says whether the process has ended.
func (s *server) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// signal sends the process a signal.
func (s *server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil && !s.over() {
		s.t.Error(err)
	}
}

// terminate asks the process to end and wants status 0.
func (s *server) terminate() {
	if s.over() {
		s.t.Errorf("the server has ended by itself: %v", s.err)
		return
	}
	s.signal(syscall.SIGTERM)
	select {
	case <-s.ended:
		if s.err != nil {
			s.t.Errorf("the server ended with %v", s.err)
		}
	case <-time.After(40 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
		s.t.Error("the server did not end within 40 s of SIGTERM")
	}
}

// get answers a request with status and body; status 0 is no answer.
func (s *server) get(path string) (int, string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	res, err := trusting.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(body)
}

func (s *server) status(path string) int {
	code, _ := s.get(path)
	return code
}

// journal keeps what a process writes.
type journal struct {
	mu   sync.Mutex
	data []byte
}

func newJournal() *journal { return &journal{} }

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.data = append(j.data, b...)
	return len(b), nil
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return string(j.data)
}

// tail is the last n bytes.
func (j *journal) tail(n int) string {
	text := j.text()
	return text[max(0, len(text)-n):]
}

// lines are the lines that hold all of the words.
func (j *journal) lines(words ...string) []string {
	var found []string
	for line := range strings.Lines(j.text()) {
		if holdsAll(line, words) {
			found = append(found, line)
		}
	}
	return found
}

func holdsAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// eventually waits for a condition that nothing tells of.
func eventually(t testing.TB, within time.Duration, what string, is func() bool) {
	t.Helper()
	deadline, tick := time.After(within), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// pause lets time pass in which something is not to happen.
func pause(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
