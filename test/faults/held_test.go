//go:build e2e

package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/test/machine"
)

// T13: requests for the far future, and five thousand that wait for a stream that
// has stalled.
func TestHeldRequests(t *testing.T) {
	machine.Long(t)
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
	var refused, expired, failed atomic.Int64
	var wg sync.WaitGroup
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ask := fmt.Sprintf("GET /live/stalled/video.m3u8?_HLS_msn=%d&_HLS_part=%d HTTP/1.1\r\nHost: %s\r\n\r\n", msn, part, s.http)
	for i := range requests {
		wg.Go(func() {
			c, err := from(i/200, s.http)
			if err != nil {
				failed.Add(1)
				return
			}
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			defer c.Close()
			if _, err := c.Write([]byte(ask)); err != nil {
				failed.Add(1)
				return
			}
			code, why := told(c)
			switch {
			case code == 0 && ctx.Err() != nil: // it was held to the end
			case code == 503 && why == "stream_stalled": // it was held for as long as one may wait
				expired.Add(1)
			case code == 503 || code == 429:
				refused.Add(1)
			default:
				t.Errorf("answered with %d %s", code, why)
				failed.Add(1)
			}
		})
	}
	unanswered := func() int64 { return requests - refused.Load() - expired.Load() - failed.Load() }
	eventually(t, 60*time.Second, "at most 2,000 are held, and all others are answered", func() bool { return unanswered() <= 2000 })
	most, held := s.usage(), unanswered()+expired.Load()
	leave() // they go without having been answered
	wg.Wait()
	lost := beside.leave()
	after := s.settles(20*time.Second, before)
	if held == 0 || refused.Load() == 0 || failed.Load() > 0 {
		t.Errorf("%d held, %d refused, %d failed", held, refused.Load(), failed.Load())
	}
	figure(t, "T13", "absurd=%d held=%d refused=%d before: %v, most: %v, after: %v, bystanders=%d",
		absurd, held, refused.Load(), before, most, after, lost)
}

// told reads a response: its status, 0 if none came, and the code of its problem.
func told(c net.Conn) (status int, code string) {
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	var problem struct{ Code string }
	if err := json.NewDecoder(io.LimitReader(res.Body, 4<<10)).Decode(&problem); err != nil {
		return res.StatusCode, err.Error()
	}
	return res.StatusCode, problem.Code
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
