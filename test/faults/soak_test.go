//go:build e2e

package faults

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/test/ladder"
)

// soakFor is how long a ladder is watched: half an hour, or what WEIR_SOAK says.
func soakFor() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("WEIR_SOAK")); err == nil {
		return d
	}
	return 30 * time.Minute
}

// slopeOf is that of a line through points: how much it rises from one to the next.
func slopeOf(points []float64) (slope float64) {
	n := float64(len(points))
	var x, y, xx, xy float64
	for i, p := range points {
		at := float64(i)
		x, y, xx, xy = x+at, y+p, xx+at*at, xy+at*p
	}
	return (n*xy - x*y) / (n*xx - x*x)
}

// held is what a server and a worker of it hold, from one look to the next, in MB.
type held struct {
	pid            int
	since          time.Time
	server, worker []float64
}

// look begins anew where another worker is at work, which holds little as yet.
func (h *held) look(s *server, path string) {
	w := s.workers(path)["ladder"]
	if w.PID == 0 || w.RSS == 0 {
		return // it has just begun, or the machine is busy
	}
	if w.PID != h.pid {
		*h = held{pid: w.PID, since: time.Now()}
	}
	h.server, h.worker = append(h.server, mb(s.rss())), append(h.worker, mb(w.RSS))
}

// now is what was held last.
func (h *held) now() (server, worker float64) {
	n := len(h.server)
	if n == 0 {
		return 0, 0
	}
	return h.server[n-1], h.worker[n-1]
}

// crashes are the falls of workers that were not ended for being slow, as they are where
// other work leaves them no processor.
func crashes(s *server) []string {
	return slices.DeleteFunc(s.log.lines("the worker fell"), func(line string) bool {
		return strings.Contains(line, "made nothing of what it was given")
	})
}

// A ladder that goes on and on takes no more memory than at first, neither in the server
// nor in the worker. It takes a tenth of a processor and no haste:
//
//	WEIR_SOAK=30m nice -n 10 go test -tags e2e -count=1 -timeout 60m -v -run TestLadderSoak ./test/faults
func TestLadderSoak(t *testing.T) {
	if !soak() {
		t.Skip("WEIR_SOAK=1 runs it: in a minute playlists have not even filled")
	}
	s := start(t, withLadder(t, ladder.Height()))
	const path, every, patience = "hls/studio", 2 * time.Second, 2 * time.Minute
	d := soakFor()
	settling := min(d/3, 2*time.Minute) // pools and heaps take their time
	s.encodeFile(t, path, clips+"h264-bframes-aac.mp4", int((d+2*patience)/(6*time.Second)))
	eventually(t, patience, "the worker works", func() bool { return s.workers(path)["ladder"].State == "running" })
	pause(t, settling)
	reachable := s.live()
	var h held
	begin := time.Now()
	for told := begin; time.Since(begin) < d-settling; pause(t, every) {
		if h.look(s, path); time.Since(told) >= time.Minute {
			told = time.Now()
			server, worker := h.now()
			t.Logf("after %v: server %.1f MB, worker %.1f MB", time.Since(begin).Round(time.Second), server, worker)
		}
	}
	for _, line := range crashes(s) {
		t.Errorf("a worker fell: %s", line)
	}
	watched := time.Since(h.since)
	if len(h.worker) < 2 || watched < d/4 {
		t.Skipf("this machine was so busy that one worker was watched for too short a time: run it again when it is not")
	}
	perHour := time.Hour.Hours() / watched.Hours() * float64(len(h.worker))
	grown := s.live() - reachable
	server, worker := h.now()
	figure(t, "soak", "for=%v server: %.1f to %.1f MB, slope=%.2f MB/h, reachable heap: %.1f MB and %+.1f MB; worker: %.1f to %.1f MB, slope=%.2f MB/h; falls=%d",
		d, h.server[0], server, slopeOf(h.server)*perHour, mb(reachable), mb(grown), h.worker[0], worker, slopeOf(h.worker)*perHour, s.workers(path)["ladder"].Falls)
	// A minute says little of an hour: heaps move by some MB. What the server's process
	// holds is up to its collector, so that what can be reached counts.
	if most := 16.0; worker > h.worker[0]+most || mb(grown) > most {
		t.Errorf("memory grew: the server by %.1f MB, the worker from %.1f to %.1f MB", mb(grown), h.worker[0], worker)
	}
}
