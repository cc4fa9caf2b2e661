//go:build e2e

package faults

import (
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/test/machine"
	"weir/transcode/worker"
)

// strained has room in its budget for one ladder of 720p.
func strained(t *testing.T) string {
	t.Helper()
	return listeners + transcoding(t, 1) + `
pipelines:
  pass/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {segments: 40}}
  made/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      ladder:
        use: transcode/video
        from: cam
        with:
          preset: medium
          keyframe_every: 1s
          layers:
            - {name: hd, width: 1280, height: 720, bitrate: 3M}
            - {name: sd, width: 320, height: 180, bitrate: 300k}
      hls: {use: outputs/hls, from: ladder, with: {segment: 1s, part: 500ms, segments: 40}}
`
}

// slowed lets a process run for a part of each 50 ms, as one does that others leave no
// processor: by the clock, whatever the machine. It stops when done is closed.
func slowed(pid int, runs *atomic.Int64, done <-chan struct{}) {
	const turn = 50 * time.Millisecond
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	for stop := true; ; stop = !stop {
		next, signal := time.Duration(runs.Load()), syscall.SIGCONT
		if stop {
			next, signal = turn-next, syscall.SIGSTOP
		}
		if syscall.Kill(pid, signal) != nil {
			return
		}
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-done:
			return
		}
	}
}

// R30: a worker that gets a fraction of the processor that it needs, and more work than
// the budget allows. New work is refused in words; what passes loses nothing, sound not
// either; the worker leaves out its top layer, and then pictures, before any wait for
// long; and the playlists of a layer that is left out keep what they promise.
func TestTooLittleProcessor(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.4)
	s := start(t, strained(t))
	clip := coded(t, "1280x720", "30", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0")
	small := loaded(t, clips+"h264-aac.mp4", 2)
	var long []packet // twice the clip
	for i := range 2 {
		for _, p := range clip {
			p.dts += time.Duration(i) * 5 * time.Second
			p.pts += time.Duration(i) * 5 * time.Second
			long = append(long, p)
		}
	}
	made, passes := s.publish(t, "made/first"), s.publish(t, "pass/beside")
	strainedView, passView := s.watch(t, "made/first"), s.watch(t, "pass/beside")
	sent := make(chan struct{}, 3)
	go func() { made.perform(long); sent <- struct{}{} }()
	go func() { passes.perform(small); sent <- struct{}{} }()
	eventually(t, 20*time.Second, "the worker works", func() bool { return s.workers("made/first")["ladder"].FramesOut > 10 })
	pid := s.workers("made/first")["ladder"].PID
	done := make(chan struct{})
	var runs atomic.Int64
	runs.Store(int64(10 * time.Millisecond)) // too little for any machine
	go slowed(pid, &runs, done)

	var left []string
	eventually(t, 15*time.Second, "the top layer is left out", func() bool {
		if what := s.workers("made/first")["ladder"].LeftOut; what != "" && !slices.Contains(left, what) {
			left = append(left, what)
		}
		return len(left) > 0 && strings.Contains(left[0], "the top layer")
	})
	runs.Store(int64(25 * time.Millisecond)) // enough for the small one
	second := s.publish(t, "made/second")
	go func() { second.perform(clip); sent <- struct{}{} }()
	var refused worker.Status
	eventually(t, 10*time.Second, "more work is refused", func() bool {
		refused = s.workers("made/second")["ladder"]
		return refused.State == "refused"
	})
	if !strings.Contains(refused.Why, "server.transcode.cpu") {
		t.Errorf("refused since %q", refused.Why)
	}
	for range 3 {
		<-sent
	}
	now := s.workers("made/first")["ladder"]
	close(done)
	made.close()
	passes.close()
	second.close()
	strainedView.end(30 * time.Second)
	passView.end(30 * time.Second)
	judge(t, "pass/beside", "viewer", small, passView.packets(), nil)
	if now.PID != pid || now.Falls > 0 || now.Skipped > 0 {
		t.Errorf("the worker fell, or units found no time at all: %+v", now)
	}
	sound := func(all []packet) []packet {
		return slices.DeleteFunc(slices.Clone(all), func(p packet) bool { return p.kind != media.KindAudio })
	}
	var heard []packet
	for _, a := range strainedView.samples("audio") {
		heard = append(heard, packet{kind: media.KindAudio, dts: a.dts, pts: a.pts, hash: a.hash})
	}
	if c := compare(sound(long), heard)[media.KindAudio]; c.head > 2 || c.lost > 0 || c.tail > 0 || c.late > 0 {
		t.Errorf("sound is missing: %+v", *c)
	}
	low, _ := strainedView.instants("sd")
	high, _ := strainedView.instants("hd")
	figure(t, "R30", "left_out=%q refused=%q pictures: sd=%d hd=%d of %d late: sd=%v sound=%v", left, refused.Why,
		len(low), len(high), 300, lateness(strainedView.samples("video-sd")), lateness(strainedView.samples("audio")))
	if len(low) <= len(high) || len(low) < 60 {
		t.Errorf("of 300 pictures %d small ones and %d large ones came", len(low), len(high))
	}
	// Beyond three seconds units would have been skipped, which is looked at above; this is
	// also for what is late in a busy test.
	if late := lateness(strainedView.samples("video-sd")); late > 5*time.Second {
		t.Errorf("pictures waited for %v", late)
	}
}

// lateness is by how much the samples that came latest were later than those that came
// soonest, of nine in ten.
func lateness(all []sample) time.Duration {
	if len(all) == 0 {
		return 0
	}
	var took []time.Duration
	for _, s := range all {
		took = append(took, s.arrived.Sub(all[0].arrived)-(s.pts-all[0].pts))
	}
	slices.Sort(took)
	return took[len(took)*9/10] - took[0]
}
