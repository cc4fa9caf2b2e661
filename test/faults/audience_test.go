//go:build e2e

package faults

import (
	"context"
	"testing"
	"time"

	"weir/cmd/load"
	"weir/test/machine"
)

// Viewers who come and go by WebRTC, 20 in a second for a while, leave nothing behind.
func TestAudienceComesAndGoes(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.3)
	while := 20 * time.Second
	if soak() {
		while = time.Minute
	}
	s := start(t, webrtc+`
pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp}
      whep: {use: outputs/whep, from: cam}
`)
	const rate, stay = 20, time.Second
	ctx, cancel := context.WithCancel(t.Context())
	live, published := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := load.Publishers{URL: "rtmp://" + s.rtmp + "/live/load", Count: 1, ChunkSize: 4096}.
			Run(ctx, func() { close(live) })
		published <- err
	}()
	defer func() {
		cancel()
		if err := <-published; err != nil {
			t.Errorf("publish: %v", err)
		}
	}()
	select {
	case <-live:
	case <-time.After(10 * time.Second):
		t.Fatal("the publisher is not accepted")
	}
	watch := func(d time.Duration) *load.Audience {
		a := &load.Audience{}
		v := load.Viewers{
			URL: "http://" + s.http + "/live/load/whep", Count: int(rate * d.Seconds()), Rate: rate, Stay: stay, Sample: 10,
		}
		if err := v.Run(ctx, a, func() {}); err != nil {
			t.Fatal(err)
		}
		if n := a.Failed.Load(); n > 0 {
			t.Errorf("%d viewers failed, the first because of %v", n, a.Failure())
		}
		return a
	}
	watch(10 * time.Second)
	pause(t, 12*time.Second) // for what lingers
	before, reachable, cpu, began := s.usage(), s.live(), s.cpu(), time.Now()
	pause(t, 5*time.Second)
	idle := (s.cpu() - cpu).Seconds() / time.Since(began).Seconds()

	cpu, began = s.cpu(), time.Now()
	a := watch(while)
	used := (s.cpu() - cpu).Seconds() - idle*time.Since(began).Seconds()
	after := s.settles(30*time.Second, before)
	grown, asked := s.live()-reachable, time.Now()
	for grown > 4<<20 && time.Since(asked) < 20*time.Second {
		pause(t, 500*time.Millisecond)
		grown = s.live() - reachable
	}
	if grown > 4<<20 {
		t.Errorf("%.1f MB more are reachable", mb(grown))
	}
	p50, _ := a.Join.Quantile(0.5)
	p99, _ := a.Join.Quantile(0.99)
	picture, _ := a.Picture.Quantile(0.5)
	figure(t, "audience", "joins=%d rate=%d/s stay=%v cpu_per_join=%.2fms (with what it is sent) join_p50=%v join_p99=%v first_picture_p50=%v lost=%d before: %v, after: %v, reachable_heap: before=%.1fMB delta=%.1fMB",
		a.Joined.Load(), rate, stay, used*1e3/float64(a.Joined.Load()), p50, p99, picture, a.Lost.Load(), before, after, mb(reachable), mb(grown))
}
