//go:build e2e

package faults

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/test/machine"
)

// Publishers that come and go, half of them failing half-way, leave nothing behind.
func TestCycles(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.4)
	s := start(t, strings.Replace(listeners, `rtmp: {listen: "127.0.0.1:0"}`, `rtmp: {listen: "127.0.0.1:0", per_address: 1000}`, 1)+`
pipelines:
  cycle/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "`+key+`", grace: 100ms}}
      hls: {use: outputs/hls, from: cam, with: {linger: 100ms}}
`)
	warm, cycles := 200, 1000
	if soak() {
		cycles = 10_000
	}
	s.cycle(t, warm)
	idle := func() bool { return s.metric("weir_streams") == 0 && s.metric("weir_rtmp_connections") == 0 }
	eventually(t, 30*time.Second, "all streams have ended", idle)
	pause(t, 6*time.Second) // ended streams are held for up to five
	before, live := s.usage(), s.live()
	began := time.Now()
	done := s.cycle(t, cycles)
	took := time.Since(began)
	eventually(t, 30*time.Second, "all streams have ended", idle)
	after := s.settles(30*time.Second, before)
	grown, asked := s.live()-live, time.Now()
	for grown > 4<<20 && time.Since(asked) < 20*time.Second {
		pause(t, 500*time.Millisecond)
		grown = s.live() - live
	}
	if grown > 4<<20 {
		t.Errorf("%.1f MB more are reachable", mb(grown))
	}
	if n := s.metric("weir_rtmp_panics_total"); n > 0 {
		t.Errorf("%v panics", n)
	}
	figure(t, "cycles", "cycles=%d completed=%d took=%v before: %v, after: %v, reachable_heap: before=%.1fMB delta=%.1fMB after=%v", cycles, done, took, before, after, mb(live), mb(grown), time.Since(asked))
}

// cycle runs n cycles, several at a time, and returns how many published.
func (s *server) cycle(t *testing.T, n int) (published int64) {
	t.Helper()
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				switch {
				case i > n:
					return
				case i%2 == 0:
					s.comeAndGo(t, "cycle/"+name)
					done.Add(1)
				default:
					s.failHalfWay(t, name, i/2%5)
				}
			}
		})
	}
	wg.Wait()
	return done.Load()
}

// comeAndGo publishes a second of stream and ends properly.
func (s *server) comeAndGo(t *testing.T, path string) {
	t.Helper()
	p, err := s.dial(t, path, key)
	if err != nil {
		t.Errorf("publish: %v", err)
		return
	}
	if err := p.send(newStream(t, 1, h264(t, 640, 360), aac(t, 48000)), time.Second, 20); err != nil {
		t.Errorf("publisher: %v", err)
	}
	p.close()
}

// failHalfWay breaks off in one of five places.
func (s *server) failHalfWay(t *testing.T, name string, where int) {
	t.Helper()
	if where == 0 {
		if _, err := s.dial(t, "cycle/"+name, "wrong"); err == nil {
			t.Error("a wrong key was let in")
		}
		return
	}
	c, err := call(t, s.rtmp, where > 1)
	if err != nil {
		t.Errorf("connect: %v", err)
		return
	}
	switch where {
	case 1: // in the handshake
		_, _ = c.Write(make([]byte, 700))
	case 2: // in the command
		_, _ = c.Write(connect("cycle")[:20])
	case 3: // between the commands
		_, _ = c.Write(connect("cycle"))
	case 4: // in a message of an accepted publisher
		_, _ = c.Write(publishing("cycle", name+"?key="+key))
		_ = answer(c)
		_, _ = c.Write(claim(6, 9, 100_000))
	}
	if tcp, ok := c.(*net.TCPConn); ok && where%2 == 0 {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
