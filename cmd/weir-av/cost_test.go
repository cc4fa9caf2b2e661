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

const (
	// costRuns is how often each program does its work, one after the other.
	costRuns = 5
	// costFPS and costLength are of what they work on.
	costFPS    = 30
	costLength = 10 * time.Second
)

// ffmpegProgram is the one that WEIR_FFMPEG names, which scripts/bench-transcode.sh builds
// from the same libraries.
func ffmpegProgram(t *testing.T) string {
	t.Helper()
	name := os.Getenv("WEIR_FFMPEG")
	if name == "" {
		t.Skip("WEIR_FFMPEG is not set: make bench-transcode")
	}
	return name
}

// ffmpeg runs the program to the end.
func ffmpeg(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	quiet := []string{"-hide_banner", "-loglevel", "error", "-nostdin"}
	c := exec.CommandContext(t.Context(), ffmpegProgram(t), append(quiet, args...)...)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return c
}

// costSource is a file of that size, with a tone if sound.
func costSource(t *testing.T, size string, bitrate int, bframes int, sound bool) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source.flv")
	args := []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%s:rate=%d:duration=%g", size, costFPS, costLength.Seconds())}
	if sound {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:sample_rate=48000:duration=%g", costLength.Seconds()),
			"-c:a", "aac", "-b:a", "128k", "-ac", "2")
	}
	args = append(args, "-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-bf", fmt.Sprint(bframes))
	ffmpeg(t, slices.Concat(args, bounded(bitrate), []string{name})...)
	return name
}

// bounded are ffmpeg's options for a bitrate that is kept within a second.
func bounded(bitrate int) []string {
	rate := fmt.Sprint(bitrate)
	return []string{"-b:v", rate, "-maxrate", rate, "-bufsize", rate}
}

// live are ffmpeg's options for what the worker's encoders do with one thread.
func live(bitrate int) []string {
	return append([]string{
		"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-threads", "1",
		"-sc_threshold", "0", "-forced-idr", "1", "-force_key_frames", "expr:gte(t,n_forced*2)",
	}, bounded(bitrate)...)
}

// spent is the processor time of a program that has ended.
func spent(c *exec.Cmd) time.Duration {
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

// costOfWorker is what a job costs in a worker, and what came of it.
func costOfWorker(t *testing.T, job wire.Job, set *media.TrackSet, units []*media.Unit, also ...wire.Message) (cpu time.Duration, made int) {
	t.Helper()
	conn, worker := start(t)
	made = len(talk(t, conn, job, set, units, nil, also...))
	conn.Close()
	if err := worker.Wait(); err != nil {
		t.Fatal(err)
	}
	return spent(worker), made
}

// compare measures in turns what ffmpeg and the worker take for the same, and wants the
// median of the ratios to be at most limit.
func compare(t *testing.T, what string, limit float64, theirs, ours func() time.Duration) {
	t.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-28s%10s%10s%8s\n", what, "ffmpeg", "weir-av", "ratio")
	var ratios []float64
	for n := range costRuns {
		begin := time.Now()
		a := theirs().Seconds()
		middle := time.Now()
		b := ours().Seconds()
		ratios = append(ratios, b/a)
		fmt.Fprintf(&table, "run %d, s of CPU (of time)%7.2f (%.1f)%5.2f (%.1f)%8.3f\n", n+1, a, middle.Sub(begin).Seconds(), b, time.Since(middle).Seconds(), b/a)
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	fmt.Fprintf(&table, "median; at most %.2f%37.3f\n", limit, median)
	t.Log(table.String())
	if median > limit {
		t.Errorf("the worker takes %.3f of ffmpeg's time", median)
	}
}
