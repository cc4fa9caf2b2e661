//go:build libav && cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// costRuns is how often each program does its work, one after the other.
const costRuns = 5

// What a ladder costs in the worker and in the ffmpeg program that WEIR_FFMPEG names,
// which scripts/bench-transcode.sh builds from the same libraries: processor time for
// the same file, presets and threads; and how long the worker keeps a picture.
func TestLadderCost(t *testing.T) {
	ffmpeg := os.Getenv("WEIR_FFMPEG")
	if ffmpeg == "" {
		t.Skip("WEIR_FFMPEG is not set: make bench-transcode")
	}
	source := costSource(t, ffmpeg, "-bf", "3")
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-28s%12s%12s%8s\n", "1080p30 to 720, 480, 240p", "ffmpeg", "weir-av", "ratio")
	var ratios []float64
	for n := range costRuns {
		theirs, theirWall := costOfFFmpeg(t, ffmpeg, source)
		ours, ourWall := costOfWorker(t, source)
		ratio := ours.Seconds() / theirs.Seconds()
		ratios = append(ratios, ratio)
		fmt.Fprintf(&table, "run %d, s of CPU (s in all)    %5.2f (%.1f) %5.2f (%.1f)%7.3f\n",
			n+1, theirs.Seconds(), theirWall.Seconds(), ours.Seconds(), ourWall.Seconds(), ratio)
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	fmt.Fprintf(&table, "median; at most 1.05%40.3f\n", median)
	fmt.Fprintf(&table, "\n%-28s%8s%8s%8s%8s\n", "in real time, ms", "first", "p50", "p99", "max")
	for _, s := range []struct{ what, source string }{
		{"a source without B-frames", costSource(t, ffmpeg, "-bf", "0")}, {"with three in a row", source},
	} {
		took := latencyOfWorker(t, s.source)
		steady := slices.Sorted(slices.Values(took[costFPS:])) // what begins is late for a while
		fmt.Fprintf(&table, "%-28s%8d%8d%8d%8d\n", s.what, took[0].Milliseconds(), steady[len(steady)/2].Milliseconds(),
			steady[len(steady)*99/100].Milliseconds(), steady[len(steady)-1].Milliseconds())
	}
	t.Log(table.String())
	if median > 1.05 {
		t.Errorf("the worker takes %.3f of ffmpeg's time", median)
	}
}

const costFPS = 30

// costSource is 10 s of 1080p.
func costSource(t *testing.T, ffmpeg string, options ...string) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source.flv")
	words := []string{
		"-hide_banner", "-loglevel", "error", "-nostdin",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=1920x1080:rate=%d:duration=10", costFPS), "-c:v", "libx264", "-preset", "veryfast",
		"-b:v", "5M", "-maxrate", "5M", "-bufsize", "5M", "-g", "60",
	}
	c := exec.CommandContext(t.Context(), ffmpeg, slices.Concat(words, options, []string{source})...)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return source
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

// costJob has one thread for each encoder.
func costJob() wire.Job {
	return wire.Job{
		Version: wire.Version, Stage: "bench", Threads: 3,
		Video: &wire.Video{Codec: wire.Codec(media.CodecH264), Preset: "veryfast", KeyframeEveryMillis: 2000, Layers: rungs()},
	}
}

func costOfWorker(t *testing.T, source string) (cpu, wall time.Duration) {
	t.Helper()
	set, units := readFLV(t, source)
	conn, worker := start(t)
	begin := time.Now()
	talk(t, conn, costJob(), set, units, nil)
	wall = time.Since(begin)
	conn.Close()
	if err := worker.Wait(); err != nil {
		t.Fatal(err)
	}
	return worker.ProcessState.UserTime() + worker.ProcessState.SystemTime(), wall
}

// latencyOfWorker feeds a worker in real time. It is how long the lowest layer of each
// picture takes.
func latencyOfWorker(t *testing.T, source string) []time.Duration {
	t.Helper()
	set, units := readFLV(t, source)
	conn, _ := start(t)
	return talk(t, conn, costJob(), set, units, func(u *media.Unit, begin time.Time) { <-time.After(time.Until(begin.Add(u.Time()))) })
}
