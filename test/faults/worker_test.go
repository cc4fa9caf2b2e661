//go:build e2e

package faults

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"weir/cmd/load"
	"weir/test/machine"
	"weir/transcode/worker"
)

// adapted has what browsers cannot play made into what they can.
const adapted = `
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}
      watch: {use: outputs/whep, from: cam}
`

// libav is the program that transcodes; without it there is nothing to test.
func libav(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/weir-av")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("bin/weir-av is not built (make libav)")
	}
	return path
}

// workers are those of a stream, by stage.
func (s *server) workers(path string) map[string]worker.Status {
	_, text := s.get("/v1/streams?stages=true")
	var streams struct {
		Items []struct {
			Path   string
			Stages []struct {
				Name   string
				Detail struct{ Worker *worker.Status }
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &streams); err != nil {
		return nil
	}
	all := make(map[string]worker.Status)
	for _, stream := range streams.Items {
		for _, st := range stream.Stages {
			if stream.Path == path && st.Detail.Worker != nil {
				all[st.Name] = *st.Detail.Worker
			}
		}
	}
	return all
}

// longestPause is the longest time without another picture within d.
func longestPause(t *testing.T, a *load.Audience, d time.Duration) (longest time.Duration) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	pictures, last := a.Pictures.Load(), time.Now()
	for end := last.Add(d); time.Now().Before(end); <-tick.C {
		if n := a.Pictures.Load(); n != pictures {
			longest = max(longest, time.Since(last))
			pictures, last = n, time.Now()
		}
	}
	return max(longest, time.Since(last))
}

// A worker that is killed, or stopped, costs viewers of what it makes three seconds at
// most, and viewers of what passes nothing; when nobody needs it any more it is gone.
func TestWorkerFalls(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.25)
	s := start(t, webrtc+transcoding(t, 8)+adapted)
	const path, clip, times = "live/studio", "h264-bframes-aac.mp4", 6
	sent := played(t, clips+clip, times)
	wait := s.encode(t, path, clip, times, "1")
	hls := s.watch(t, path)
	s.await(t, path, 1)
	if w := s.workers(path); len(w) != 0 {
		t.Errorf("workers run though nobody needs them: %v", w)
	}

	a, left, leave := s.viewer(t, path)
	defer leave()
	eventually(t, 10*time.Second, "a second of pictures", func() bool { return a.Pictures.Load() > 30 })
	first, _ := a.Join.Quantile(0.5)
	picture, _ := a.Picture.Quantile(0.5)
	figure(t, "adapted", "join=%v first_picture=%v", first, picture)

	for _, c := range []struct {
		id     string
		signal syscall.Signal
	}{{"R13", syscall.SIGKILL}, {"R14", syscall.SIGSTOP}} {
		before := s.workers(path)["~nobframes"]
		if before.PID == 0 {
			t.Fatalf("there is no worker: %v", s.workers(path))
		}
		if err := syscall.Kill(before.PID, c.signal); err != nil {
			t.Fatal(err)
		}
		longest := longestPause(t, a, 5*time.Second)
		after := s.workers(path)["~nobframes"]
		if longest > 3*time.Second || after.PID == before.PID || after.Falls != before.Falls+1 {
			t.Errorf("%v: no picture for %v; %+v became %+v", c.signal, longest, before, after)
		}
		figure(t, c.id, "signal=%v rendition_gap=%v", c.signal, longest)
	}
	if w := s.workers(path)["~opus"]; w.FramesOut < 100 || w.Falls != 0 {
		t.Errorf("sound: %+v", w)
	}
	pids := s.workers(path)
	leave()
	if err := <-left; err != nil {
		t.Errorf("the viewer: %v", err)
	}
	gone := time.Now()
	eventually(t, 20*time.Second, "the workers are gone", func() bool {
		for _, w := range pids {
			if syscall.Kill(w.PID, 0) == nil {
				return false
			}
		}
		return true
	})
	figure(t, "linger", "workers_gone_after=%v", time.Since(gone))
	wait()
	hls.end(30 * time.Second)
	judge(t, path, "viewer", sent, hls.packets(), nil)
}

// viewer is one by WebRTC, who has joined. He leaves when he is told to, or the test ends;
// what he left with is in left.
func (s *server) viewer(t *testing.T, path string) (a *load.Audience, left <-chan error, leave func()) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	a = &load.Audience{}
	joined, gone := make(chan struct{}), make(chan error, 1)
	go func() {
		v := load.Viewers{URL: "http://" + s.http + "/" + path + "/whep", Count: 1, Rate: 20}
		gone <- v.Run(ctx, a, func() { close(joined) })
	}()
	select {
	case <-joined:
	case err := <-gone:
		t.Fatalf("the viewer left: %v, %v", err, a.Failure())
	case <-time.After(20 * time.Second):
		t.Fatal("the viewer did not join")
	}
	return a, gone, leave
}
