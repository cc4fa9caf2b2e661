package bench

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// configuration is the default pipeline behind listeners of our own. All load
// comes from one address.
const configuration = `
server:
  http: {listen: "{http}"}
  rtmp: {listen: "{rtmp}", per_address: 1000}
  webrtc: {udp: ""}
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, part: 200ms}}
`

// rtcConfiguration is a pipeline for WebRTC viewers.
const rtcConfiguration = `
server:
  http: {listen: "{http}"}
  rtmp: {listen: "{rtmp}"}
  webrtc: {udp: "{rtc}"}
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp}
      whep: {use: outputs/whep, from: cam}
  cam/{name}:
    stages:
      cam: {use: ingest/whip}
      whep: {use: outputs/whep, from: cam}
`

// server is a running bin/weir.
type server struct {
	http, rtmp string
	pid        int
	loads      []int // process IDs of the generators
	ended      chan struct{}
	lost       chan string // what has ended: the server or a generator
}

// weir is the path of bin/weir.
func weir(b *testing.B) string {
	b.Helper()
	binary, err := filepath.Abs("../../bin/weir")
	if err != nil {
		b.Fatal(err)
	}
	return binary
}

// startServer runs bin/weir until the benchmark ends.
func startServer(b *testing.B, configuration string) *server {
	b.Helper()
	s := &server{http: freeAddress(b), rtmp: freeAddress(b), ended: make(chan struct{}), lost: make(chan string, 8)}
	file := filepath.Join(b.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte(strings.NewReplacer(
		"{http}", s.http, "{rtmp}", s.rtmp, "{rtc}", freeAddress(b),
	).Replace(configuration)), 0o600); err != nil {
		b.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(weir(b), "run", file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		b.Fatalf("%v (make build)", err)
	}
	s.pid = cmd.Process.Pid
	go func() {
		_ = cmd.Wait()
		s.lost <- "the server"
		close(s.ended)
	}()
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-s.ended
		}
		if b.Failed() {
			all := log.String()
			b.Logf("the end of the server's log:\n%s", all[max(0, len(all)-2000):])
		}
	})
	s.await(b, func() bool {
		res, err := http.Get("http://" + s.http + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return s
}

// run runs a program that is no Weir until the benchmark ends.
func run(b *testing.B, cmd *exec.Cmd, name string) *server {
	b.Helper()
	s := &server{ended: make(chan struct{}), lost: make(chan string, 8)}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	s.pid = cmd.Process.Pid
	go func() {
		_ = cmd.Wait()
		s.lost <- name
		close(s.ended)
	}()
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-s.ended
		if b.Failed() {
			b.Log(log.String())
		}
	})
	return s
}

// await waits until the server is ready.
func (s *server) await(b *testing.B, ready func() bool) {
	b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if ready() {
			return
		}
		select {
		case <-tick.C:
		case <-s.ended:
			b.Fatal("the server has ended by itself")
		}
	}
	b.Fatal("the server is not ready")
}

// wait lets time pass for as long as the server and the generators are there.
func (s *server) wait(b *testing.B, d time.Duration) {
	b.Helper()
	select {
	case <-time.After(d):
	case what := <-s.lost:
		b.Fatalf("%s has ended by itself", what)
	}
}

// allTime is the CPU time of the server and its generators.
func (s *server) allTime(b *testing.B) time.Duration {
	b.Helper()
	sum := cpuTime(b, s.pid)
	for _, pid := range s.loads {
		sum += cpuTime(b, pid)
	}
	return sum
}

// metric is one of the server's own figures.
func (s *server) metric(b *testing.B, name string) float64 {
	b.Helper()
	res, err := http.Get("http://" + s.http + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if value, is := strings.CutPrefix(line, name+" "); is {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				b.Fatal(err)
			}
			return v
		}
	}
	b.Fatalf("no metric %s", name)
	return 0
}

// profile has perf take a profile of the server for as long as d, if that is asked
// for. `perf report -i` shows it.
func (s *server) profile(b *testing.B, d time.Duration) {
	b.Helper()
	dir := os.Getenv(profileVariable)
	if dir == "" {
		return
	}
	file := filepath.Join(dir, strings.NewReplacer("/", "-", "=", "-").Replace(b.Name())+".perf")
	cmd := exec.Command("perf", "record", "-q", "-F", "499", "-g", "-o", file, "-p", strconv.Itoa(s.pid), "--",
		"sleep", strconv.Itoa(int(d.Seconds())))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Wait() })
}

func freeAddress(b *testing.B) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
