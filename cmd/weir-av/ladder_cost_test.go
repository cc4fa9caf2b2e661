//go:build libav && cgo

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// What a ladder costs in the worker and in ffmpeg: processor time for the same file,
// presets and threads; and how long the worker keeps a picture.
func TestLadderCost(t *testing.T) {
	ffmpegProgram(t)
	source := costSource(t, "1920x1080", 5_000_000, 3, false)
	set, units := readFLV(t, source)
	compare(t, "1080p30 to 720, 480, 240p", 1.05, func() time.Duration { return ladderInFFmpeg(t, source) }, func() time.Duration {
		cpu, _ := costOfWorker(t, costJob(), set, units)
		return cpu
	})
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-28s%8s%8s%8s%8s\n", "in real time, ms", "first", "p50", "p99", "max")
	for _, s := range []struct{ what, source string }{
		{"a source without B-frames", costSource(t, "1920x1080", 5_000_000, 0, false)}, {"with three in a row", source},
	} {
		took := latencyOfWorker(t, s.source)
		steady := slices.Sorted(slices.Values(took[costFPS:])) // what begins is late for a while
		fmt.Fprintf(&table, "%-28s%8d%8d%8d%8d\n", s.what, took[0].Milliseconds(), steady[len(steady)/2].Milliseconds(),
			steady[len(steady)*99/100].Milliseconds(), steady[len(steady)-1].Milliseconds())
	}
	t.Log(table.String())
}

func rungs() []wire.Layer {
	return []wire.Layer{
		{Name: "hd", Height: 720, Bitrate: 2_500_000},
		{Name: "sd", Width: 854, Height: 480, Bitrate: 1_200_000},
		{Name: "low", Width: 426, Height: 240, Bitrate: 400_000},
	}
}

func ladderInFFmpeg(t *testing.T, source string) time.Duration {
	t.Helper()
	args := []string{"-threads", "1", "-i", source, "-filter_complex_threads", "1", "-filter_complex",
		"[0:v]split=3[a][b][c];[a]scale=1280:720[x];[b]scale=854:480[y];[c]scale=426:240[z]"}
	for i, l := range rungs() {
		args = slices.Concat(args, []string{"-map", "[" + string("xyz"[i]) + "]"}, live(int(l.Bitrate)), []string{"-f", "null", "-"})
	}
	return spent(ffmpeg(t, args...))
}

// costJob has one thread for each encoder.
func costJob() wire.Job {
	return wire.Job{
		Version: wire.Version, Stage: "bench", Threads: 3,
		Video: &wire.Video{Codec: wire.Codec(media.CodecH264), Preset: "veryfast", KeyframeEveryMillis: 2000, Layers: rungs()},
	}
}

// latencyOfWorker feeds a worker in real time. It is how long the lowest layer of each
// picture takes.
func latencyOfWorker(t *testing.T, source string) []time.Duration {
	t.Helper()
	set, units := readFLV(t, source)
	conn, _ := start(t)
	return talk(t, conn, costJob(), set, units, func(u *media.Unit, begin time.Time) { <-time.After(time.Until(begin.Add(u.Time()))) })
}
