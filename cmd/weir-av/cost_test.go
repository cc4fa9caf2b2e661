//go:build libav && cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// What a ladder costs in the worker and in the ffmpeg program that WEIR_FFMPEG names,
// which scripts/bench-transcode.sh builds from the same libraries: processor time for
// the same file, presets and threads.
func TestLadderCost(t *testing.T) {
	ffmpeg := os.Getenv("WEIR_FFMPEG")
	if ffmpeg == "" {
		t.Skip("WEIR_FFMPEG is not set: make bench-transcode")
	}
	source := filepath.Join(t.TempDir(), "source.flv")
	make := exec.CommandContext(t.Context(), ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin",
		"-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration=10", "-c:v", "libx264", "-preset", "veryfast",
		"-b:v", "5M", "-maxrate", "5M", "-bufsize", "5M", "-g", "60", source)
	make.Stderr = os.Stderr
	if err := make.Run(); err != nil {
		t.Fatal(err)
	}
	theirs, theirWall := costOfFFmpeg(t, ffmpeg, source)
	ours, ourWall, latency := costOfWorker(t, source)
	t.Logf("ffmpeg: %.2f s of processor time, %.2f s\nweir-av: %.2f s, %.2f s\nratio %.3f; in real time a picture takes %v (median) and %v (99 %%)",
		theirs.Seconds(), theirWall.Seconds(), ours.Seconds(), ourWall.Seconds(), ours.Seconds()/theirs.Seconds(), latency[0], latency[1])
	if ours.Seconds() > 1.05*theirs.Seconds() {
		t.Errorf("the worker takes %.3f of ffmpeg's time", ours.Seconds()/theirs.Seconds())
	}
}

func rungs() []wire.Layer {
	return []wire.Layer{
		{Name: "hd", Height: 720, Bitrate: 2_500_000},
		{Name: "sd", Width: 854, Height: 480, Bitrate: 1_200_000},
		{Name: "low", Width: 426, Height: 240, Bitrate: 400_000},
	}
}

func costOfFFmpeg(t *testing.T, ffmpeg, source string) (cpu, wall time.Duration) {
	t.Helper()
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin", "-threads", "1", "-i", source, "-filter_complex_threads", "1", "-filter_complex",
		"[0:v]split=3[a][b][c];[a]scale=1280:720[x];[b]scale=854:480[y];[c]scale=426:240[z]"}
	for i, l := range rungs() {
		rate := fmt.Sprint(l.Bitrate)
		args = append(args, "-map", "["+string("xyz"[i])+"]", "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-threads", "1",
			"-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-sc_threshold", "0", "-forced-idr", "1", "-force_key_frames", "expr:gte(t,n_forced*2)", "-f", "null", "-")
	}
	c := exec.CommandContext(t.Context(), ffmpeg, args...)
	c.Stderr = os.Stderr
	begin := time.Now()
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime(), time.Since(begin)
}

func costOfWorker(t *testing.T, source string) (cpu, wall time.Duration, latency [2]time.Duration) {
	t.Helper()
	set, units := readFLV(t, source)
	set.Tracks = set.Tracks[:1]
	job := wire.Job{
		Version: wire.Version, Stage: "bench", Threads: 3,
		Video: &wire.Video{Codec: wire.Codec(media.CodecH264), Preset: "veryfast", KeyframeEveryMillis: 2000, Layers: rungs()},
	}
	conn, worker := start(t)
	begin := time.Now()
	talk(t, conn, job, set, units, nil)
	wall = time.Since(begin)
	conn.Close()
	if err := worker.Wait(); err != nil {
		t.Fatal(err)
	}
	cpu = worker.ProcessState.UserTime() + worker.ProcessState.SystemTime()
	return cpu, wall, latencyOfWorker(t, job, set, units[:150])
}

// latencyOfWorker feeds a worker in real time. It is how long the lowest layer of a
// picture takes: half of them, and 99 in 100.
func latencyOfWorker(t *testing.T, job wire.Job, set *media.TrackSet, units []*media.Unit) [2]time.Duration {
	t.Helper()
	conn, _ := start(t)
	took := talk(t, conn, job, set, units, func(u *media.Unit, begin time.Time) { <-time.After(time.Until(begin.Add(u.Time()))) })
	return [2]time.Duration{took[len(took)/2], took[len(took)*99/100]}
}
