//go:build e2e

package faults

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/test/machine"
)

// T1: two thousand peers that send a byte now and then, in the handshake of RTMP or
// in the header of HTTP, from as many addresses as it takes.
func TestDrippingPeers(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.4)
	s := start(t, standard)
	p, v := s.publish(t, "short/studio"), s.watch(t, "short/studio")
	st := newStream(t, 1, h264(t, 640, 360), aac(t, 48000))
	p.play(st, 3*time.Second)
	before := s.usage()

	const rtmp, web = 2000, 500
	length := 15 * time.Second
	if soak() {
		length = time.Minute
	}
	stop := make(chan struct{})
	var open atomic.Int64
	var wg sync.WaitGroup
	for i := range rtmp {
		wg.Go(func() { drip(stop, &open, i/50, s.rtmp, "\x03"+string(make([]byte, 1536))) })
	}
	for i := range web {
		wg.Go(func() {
			drip(stop, &open, 100+i/50, s.http, "GET /live/x/index.m3u8 HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaa")
		})
	}
	var took []time.Duration
	most, held := before, int64(0)
	used, began := s.cpu(), time.Now()
	for time.Since(began) < length {
		p.play(st, 500*time.Millisecond)
		asked := time.Now()
		q, err := s.dial(t, fmt.Sprintf("short/fair%d", len(took)), key)
		if err != nil {
			t.Errorf("a fair publisher: %v", err)
			continue
		}
		took = append(took, time.Since(asked))
		q.close()
		now := s.usage()
		most.fds, most.rss, most.goroutines = max(most.fds, now.fds), max(most.rss, now.rss), max(most.goroutines, now.goroutines)
		held = max(held, open.Load())
	}
	share := (s.cpu() - used).Seconds() / time.Since(began).Seconds()
	refused := s.metric("weir_rtmp_refused_total")
	close(stop)
	wg.Wait()
	p.play(st, 2*time.Second)
	after := s.settles(30*time.Second, before)
	p.close()
	v.end(20 * time.Second)
	video, audio := whole(t, p, v, true)
	slices.Sort(took)
	if len(took) == 0 || took[len(took)/2] > time.Second || took[len(took)-1] > 5*time.Second {
		t.Errorf("fair publishers were let in after %v", took)
	}
	figure(t, "T1", "sockets=%d fair_publish_p50=%v max=%v refused=%v cpu=%.0f%% lost=%d+%d before: %v, most: %v, after: %v",
		held, took[len(took)/2], took[len(took)-1], refused, share*100, len(video.lost), len(audio.lost), before, most, after)
}

// drip sends a text byte by byte, over and over, on a connection that is opened
// again whenever the server has closed it.
func drip(stop chan struct{}, open *atomic.Int64, source int, address, text string) {
	tick := time.NewTicker(800 * time.Millisecond)
	defer tick.Stop()
	var c net.Conn
	leave := func() {
		if c != nil {
			_ = c.Close()
			c = nil
			open.Add(-1)
		}
	}
	defer leave()
	for n := 0; ; {
		if c == nil {
			if fresh, err := from(source, address); err == nil {
				c, n = fresh, 0
				open.Add(1)
			}
		}
		if c != nil {
			if _, err := c.Write([]byte{text[n%len(text)]}); err != nil {
				leave()
			}
			n++
		}
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}
