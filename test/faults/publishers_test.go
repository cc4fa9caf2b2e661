//go:build e2e

package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/cmd/load"
	"weir/test/machine"
)

// A hundred publishers by WHIP with one viewer each, who all leave nothing behind.
func TestManyPublishers(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.6)
	publishers, while := 40, 5*time.Second
	if soak() {
		publishers, while = 100, time.Minute
	}
	s := start(t, webrtc+`
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/whip, with: {grace: 1s}}
      whep: {use: outputs/whep, from: cam}
  rtmp/{name}:
    stages:
      cam: {use: ingest/rtmp}
      whep: {use: outputs/whep, from: cam}
`)
	url := "http://" + s.http + "/live/load*/"
	round := func(count int, d time.Duration) (a *load.Audience, used float64) {
		ctx, cancel := context.WithCancel(t.Context())
		a = &load.Audience{}
		group, ctx := errgroup.WithContext(ctx)
		live := make(chan struct{})
		group.Go(func() error {
			_, err := load.Studios{URL: url + "whip", Count: count}.Run(ctx, func() { close(live) })
			return err
		})
		select {
		case <-live:
		case <-ctx.Done():
			t.Fatalf("not all publishers are accepted: %v", group.Wait())
		case <-time.After(time.Minute):
			t.Fatal("not all publishers are accepted")
		}
		came := func() int64 { return a.Joined.Load() + a.Failed.Load() }
		for n := range count {
			const atOnce = 16 // half of those from one address that the server lets in
			eventually(t, time.Minute, "viewers watch", func() bool { return came() > int64(n-atOnce) })
			group.Go(func() error {
				v := load.Viewers{URL: strings.Replace(url, "*", fmt.Sprint(n), 1) + "whep", Count: 1, Rate: 20, Sample: 10}
				return v.Run(ctx, a, func() {})
			})
		}
		eventually(t, time.Minute, "all viewers watch", func() bool { return came() == int64(count) })
		pause(t, 3*time.Second)
		began, cpu := time.Now(), s.cpu()
		pause(t, d)
		used = (s.cpu() - cpu).Seconds() / time.Since(began).Seconds()
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		return a, used
	}
	round(publishers, time.Second)
	pause(t, 15*time.Second) // for what lingers
	before, reachable := s.usage(), s.live()
	a, used := round(publishers, while)
	after := s.settles(40*time.Second, before)
	grown, asked := s.live()-reachable, time.Now()
	for grown > 4<<20 && time.Since(asked) < 20*time.Second {
		pause(t, 500*time.Millisecond)
		grown = s.live() - reachable
	}
	if n := a.Failed.Load(); n > 0 {
		t.Errorf("%d viewers failed, the first because of %v", n, a.Failure())
	}
	if grown > 4<<20 {
		t.Errorf("%.1f MB more are reachable", mb(grown))
	}
	p50, _ := a.Join.Quantile(0.5)
	figure(t, "publishers", "publishers=%d viewers=%d cpu=%.1fms/s for each pair (2.5 Mbit/s in and out) join_p50=%v freezes=%d lost=%d before: %v, after: %v, reachable_heap: before=%.1fMB delta=%.1fMB",
		publishers, a.Joined.Load(), used*1e3/float64(publishers), p50, a.Freezes.Load(), a.Lost.Load(), before, after, mb(reachable), mb(grown))
}
