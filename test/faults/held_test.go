//go:build e2e

package faults

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// T13: requests for the far future, and five thousand that wait for a stream that
// has stalled.
func TestHeldRequests(t *testing.T) {
	cores.Take(t, 0.4)
	s := start(t, standard)
	p := s.publish(t, "live/stalled")
	p.play(newStream(t, 1, h264(t, 640, 360), aac(t, 48000)), 5*time.Second)
	pause(t, 500*time.Millisecond)
	_, text := s.get("/live/stalled/video.m3u8")
	list, err := parsePlaylist(text)
	if err != nil {
		t.Fatal(err)
	}
	msn, part := list.edge()
	absurd := refusesTheFarFuture(t, s, msn)

	before := s.usage()
	beside := s.stand(t, "short/beside")
	beside.v.sees(20*time.Second, "video", "the stream", func(sample) bool { return true })
	const requests = 5000
	var held, refused, failed atomic.Int64
	var wg sync.WaitGroup
	leave := make(chan struct{})
	ask := fmt.Sprintf("GET /live/stalled/video.m3u8?_HLS_msn=%d&_HLS_part=%d HTTP/1.1\r\nHost: %s\r\n\r\n", msn, part, s.http)
	for i := range requests {
		wg.Go(func() {
			c, err := from(i/200, s.http)
			if err != nil {
				failed.Add(1)
				return
			}
			defer c.Close()
			if _, err := c.Write([]byte(ask)); err != nil {
				failed.Add(1)
				return
			}
			b := make([]byte, 64)
			_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
			if n, err := c.Read(b); err == nil && n > 12 {
				refused.Add(1)
				if code := string(b[9:12]); code != "503" && code != "429" {
					t.Errorf("answered with %s", code)
				}
			} else {
				held.Add(1)
			}
			<-leave
		})
	}
	eventually(t, 60*time.Second, "all have asked", func() bool { return held.Load()+refused.Load()+failed.Load() == requests })
	most := s.usage()
	close(leave) // they go without having been answered
	wg.Wait()
	lost := beside.leave()
	after := s.settles(20*time.Second, before)
	if held.Load() > 2000 || held.Load() == 0 || failed.Load() > 0 {
		t.Errorf("%d held, %d refused, %d failed", held.Load(), refused.Load(), failed.Load())
	}
	figure(t, "T13", "absurd=%d held=%d refused=%d before: %v, most: %v, after: %v, bystanders=%d",
		absurd, held.Load(), refused.Load(), before, most, after, lost)
}

// refusesTheFarFuture wants 400 for what is beyond the next two segments, and for
// what is no number.
func refusesTheFarFuture(t *testing.T, s *server, msn uint64) int {
	t.Helper()
	queries := []string{
		fmt.Sprintf("_HLS_msn=%d", msn+3), "_HLS_msn=9007199254740991", "_HLS_msn=9007199254740992", "_HLS_msn=18446744073709551615",
		"_HLS_msn=18446744073709551616", "_HLS_msn=-1", "_HLS_msn=", "_HLS_msn", "_HLS_msn=x", "_HLS_msn=1e9", "_HLS_msn=0x10", "_HLS_part=1",
		fmt.Sprintf("_HLS_msn=%d&_HLS_part=100000", msn), fmt.Sprintf("_HLS_msn=%d&_HLS_part=18446744073709551615", msn),
		fmt.Sprintf("_HLS_msn=%d&_HLS_part=-1", msn), fmt.Sprintf("_HLS_msn=%d&_HLS_part=", msn),
	}
	for _, q := range queries {
		if code := s.status("/live/stalled/video.m3u8?" + q); code != http.StatusBadRequest {
			t.Errorf("%s: status %d", q, code)
		}
	}
	for _, q := range []string{"x=1", "_HLS_skip=YES", "_HLS_other=1", "_HLS_msn=0", "_HLS_msn=0&_HLS_part=0"} {
		if code := s.status("/live/stalled/video.m3u8?" + q); code != http.StatusOK {
			t.Errorf("%s: status %d", q, code)
		}
	}
	return len(queries)
}
