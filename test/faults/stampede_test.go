//go:build e2e

package faults

import (
	"context"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/cmd/load"
)

// R33: a thousand players by HLS and two hundred viewers by WebRTC come within ten
// seconds. They are let in soon, and those who watch already notice nothing.
func TestStampede(t *testing.T) {
	players, joiners := 250, 50
	if soak() {
		players, joiners = 1000, 200
	}
	const within = 10 * time.Second
	s := start(t, webrtc+`
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp}
      whep: {use: outputs/whep, from: cam}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
`)
	s.prefer()
	stream := "http://" + s.http + "/live/load/"
	ctx, cancel := context.WithCancel(t.Context())
	var group errgroup.Group
	defer func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	}()
	s.loaded(ctx, t, &group)
	eventually(t, 20*time.Second, "there is a playlist", func() bool { return s.status("/live/load/index.m3u8") == 200 })

	first, second := &load.Audience{}, &load.Audience{}
	watch := func(ctx context.Context, a *load.Audience, n int, rate float64) (joined chan struct{}) {
		joined = make(chan struct{})
		group.Go(func() error {
			return load.Viewers{URL: stream + "whep", Count: n, Rate: rate, Sample: 10}.
				Run(ctx, a, sync.OnceFunc(func() { close(joined) }))
		})
		return joined
	}
	<-watch(ctx, first, 20, 20)
	pause(t, 3*time.Second)
	froze, lost := first.Freezes.Load(), first.Lost.Load()

	began, cpu := time.Now(), s.cpu()
	var starting load.Times
	var parts atomic.Int64
	come, leave := context.WithTimeout(ctx, within+15*time.Second)
	defer leave()
	pace := time.NewTicker(within / time.Duration(players))
	joined := watch(ctx, second, joiners, float64(joiners)/within.Seconds())
	var all errgroup.Group
	for range players {
		<-pace.C
		all.Go(func() error {
			came := time.Now()
			w, err := load.Players{URL: stream + "index.m3u8", Count: 1}.Run(come, func() { starting.Add(time.Since(came)) })
			parts.Add(w.Parts)
			if come.Err() != nil {
				return nil
			}
			return err
		})
	}
	pace.Stop()
	took := time.Since(began)
	select {
	case <-joined:
	case <-time.After(20 * time.Second):
		t.Error("not all viewers have joined")
	}
	pause(t, 3*time.Second)
	froze, lost = first.Freezes.Load()-froze, first.Lost.Load()-lost
	used := s.cpu() - cpu
	leave()
	if err := all.Wait(); err != nil {
		t.Errorf("a player: %v", err)
	}
	p50, _ := second.Join.Quantile(0.5)
	p95, ok := second.Join.Quantile(0.95)
	picture, _ := second.Picture.Quantile(0.95)
	hls, playing := starting.Quantile(0.95)
	figure(t, "R33", "players=%d viewers=%d in %v join_p50=%v join_p95=%v first_picture_p95=%v hls_first_part_p95=%v refused=%d existing: freezes=%d lost=%d server_cpu=%v in %v",
		players, joiners, took.Round(100*time.Millisecond), p50, p95, picture, hls, second.Failed.Load(), froze, lost,
		used.Round(10*time.Millisecond), time.Since(began).Round(time.Second))
	if !ok || !playing || p95 > 2*time.Second {
		t.Errorf("joining takes %v", p95)
	}
	if n := second.Failed.Load(); n > 0 {
		t.Errorf("%d viewers failed, the first because of %v", n, second.Failure())
	}
	if froze > 0 || lost > 0 {
		t.Errorf("those who watched already saw %d freezes and lost %d packets", froze, lost)
	}
}

// prefer gives the server the processors first, if the test may: those who load it are
// on other machines otherwise.
func (s *server) prefer() {
	tasks, err := os.ReadDir(s.proc("task"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, task := range tasks {
		if id, err := strconv.Atoi(task.Name()); err == nil {
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, -10)
		}
	}
}
