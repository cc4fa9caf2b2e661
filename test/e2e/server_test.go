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
)

// key is what publishers must present.
const key = "e2e-key-8c1f6d02b7"

const configuration = `
server:
  http: {listen: "%[1]s"}
  rtmp: {listen: "%[2]s"}
  webrtc: {udp: ""}
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 4s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
`

// weir is a running server.
type weir struct{ http, rtmp string }

// start runs a server that takes RTMP and serves HLS.
func start(t *testing.T) weir {
	t.Helper()
	return startWith(t, configuration)
}

// startWith runs bin/weir on ports of its own until the test ends, and then wants it
// to leave by itself with status 0. The configuration's arguments are the addresses
// for HTTP, RTMP and WebRTC.
func startWith(t *testing.T, configuration string) weir {
	t.Helper()
	w := weir{http: freeAddr(t), rtmp: freeAddr(t)}
	w.run(t, nil, http.DefaultClient, fmt.Sprintf(configuration, w.http, w.rtmp, freeAddr(t)))
	return w
}

// run runs the server, with words in front of the command, until the test ends. client
// reaches it.
func (w weir) run(t *testing.T, where []string, client *http.Client, configuration string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := filepath.Abs("../../bin/weir")
	if err != nil {
		t.Fatal(err)
	}
	words := append(slices.Clone(where), binary, "run", file)
	cmd := exec.Command(words[0], words[1:]...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
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
		res, err := client.Get("http://" + w.http + "/readyz")
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
