//go:build e2e

package faults

import (
	"os"
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

// A ladder that goes on and on takes no more memory than at first, neither in the server
// nor in the worker, which is one and the same from the beginning to the end.
func TestLadderSoak(t *testing.T) {
	if !soak() {
		t.Skip("WEIR_SOAK=1 runs it: in a minute playlists have not even filled")
	}
	s := start(t, withLadder(t, ladder.Height()))
	const path, every = "hls/studio", 2 * time.Second
	d := soakFor()
	clip := clips + "h264-bframes-aac.mp4"
	wait := s.encodeFile(t, path, clip, int((d+30*time.Second)/(6*time.Second)))
	s.await(t, path, 1)
	eventually(t, 20*time.Second, "the worker works", func() bool { return s.workers(path)["ladder"].State == "running" })
	pause(t, min(d/3, 2*time.Minute)) // pools and heaps take their time
	first := s.workers(path)["ladder"]
	reachable := s.live()
	var server, worker []float64
	for end := time.Now().Add(d - min(d/3, 2*time.Minute)); time.Now().Before(end); pause(t, every) {
		w := s.workers(path)["ladder"]
		if w.PID == 0 {
			t.Fatalf("there is no worker: %+v", w)
		}
		server, worker = append(server, mb(s.rss())), append(worker, mb(s.rssOf(w.PID)))
	}
	perHour := float64(time.Hour / every)
	ofServer, ofWorker := slopeOf(server)*perHour, slopeOf(worker)*perHour
	last := s.workers(path)["ladder"]
	grown := s.live() - reachable
	figure(t, "soak", "for=%v server: %.1f to %.1f MB, slope=%.2f MB/h, reachable heap: %.1f MB and %+.1f MB; worker: %.1f to %.1f MB, slope=%.2f MB/h; falls=%d",
		d, server[0], server[len(server)-1], ofServer, mb(reachable), mb(grown), worker[0], worker[len(worker)-1], ofWorker, last.Falls)
	if last.PID != first.PID || last.Falls > 0 {
		t.Errorf("the worker fell: %+v became %+v", first, last)
	}
	// A minute says little of an hour: heaps move by some MB. What the server's process
	// holds is up to its collector, so that what can be reached counts.
	if most := 16.0; worker[len(worker)-1] > worker[0]+most || mb(grown) > most {
		t.Errorf("memory grew: server by %.1f MB, worker from %.1f to %.1f MB", mb(grown), worker[0], worker[len(worker)-1])
	}
	wait()
}
