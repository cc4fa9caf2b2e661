//go:build libav && cgo

package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// mixed is how many inputs are mixed.
const mixed = 4

// What a mix of four inputs of 720p30 to 720p30, with their sound, costs in the worker
// and in the ffmpeg program: see TestLadderCost.
func TestMixCost(t *testing.T) {
	ffmpeg := os.Getenv("WEIR_FFMPEG")
	if ffmpeg == "" {
		t.Skip("WEIR_FFMPEG is not set: make bench-transcode")
	}
	source := filepath.Join(t.TempDir(), "source.flv")
	make := exec.CommandContext(t.Context(), ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin",
		"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=20", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=20",
		"-c:v", "libx264", "-preset", "veryfast", "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k", "-g", "60", "-bf", "0",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2", source)
	make.Stderr = os.Stderr
	if err := make.Run(); err != nil {
		t.Fatal(err)
	}
	theirs, theirWall := costOfFFmpegMix(t, ffmpeg, source)
	ours, ourWall := costOfMix(t, source)
	t.Logf("ffmpeg: %.2f s of processor time, %.2f s\nweir-av: %.2f s, %.2f s\nratio %.3f",
		theirs.Seconds(), theirWall.Seconds(), ours.Seconds(), ourWall.Seconds(), ours.Seconds()/theirs.Seconds())
	if ours > theirs {
		t.Errorf("the worker takes %.3f of ffmpeg's time", ours.Seconds()/theirs.Seconds())
	}
}

func costOfFFmpegMix(t *testing.T, ffmpeg, source string) (cpu, wall time.Duration) {
	t.Helper()
	args := []string{"-hide_banner", "-loglevel", "error", "-nostdin"}
	for range mixed {
		args = append(args, "-threads", "1", "-i", source)
	}
	args = append(args, "-filter_complex_threads", "1", "-filter_complex",
		"[0:v]scale=640:360[a];[1:v]scale=640:360[b];[2:v]scale=640:360[c];[3:v]scale=640:360[d];"+
			"[a][b][c][d]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0[v];"+
			"[0:a][1:a][2:a][3:a]amix=inputs=4:normalize=0,alimiter=limit=0.89:level=0[s]",
		"-map", "[v]", "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-threads", "1",
		"-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k", "-sc_threshold", "0", "-forced-idr", "1", "-force_key_frames", "expr:gte(t,n_forced*2)",
		"-map", "[s]", "-c:a", "libopus", "-b:a", "128k", "-f", "null", "-")
	c := exec.CommandContext(t.Context(), ffmpeg, args...)
	c.Stderr = os.Stderr
	begin := time.Now()
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime(), time.Since(begin)
}

func costOfMix(t *testing.T, source string) (cpu, wall time.Duration) {
	t.Helper()
	set, units := guests(readFLV(t, source))
	scene := wire.Scene{}
	for i := range mixed {
		scene.Boxes = append(scene.Boxes, wire.Box{
			Track: media.TrackID(fmt.Sprintf("%d/video", i)), X: float64(i%2) / 2, Y: float64(i/2) / 2, Width: 0.5, Height: 0.5, Opacity: 1,
		})
	}
	job := wire.Job{
		Version: wire.Version, Stage: "bench", Threads: 1,
		Mix: &wire.Mix{Width: 1280, Height: 720, FPS: 30, LatencyMillis: 5000},
		Video: &wire.Video{
			Codec: wire.Codec(media.CodecH264), Preset: "veryfast", KeyframeEveryMillis: 2000, Layers: []wire.Layer{{Name: "hd", Bitrate: 2_500_000}},
		},
		Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus), Bitrate: 128_000},
	}
	conn, worker := start(t)
	begin := time.Now()
	made := len(talk(t, conn, job, set, units, nil, scene))
	wall = time.Since(begin)
	if want := 20*30 + 20*50 - 30; made < want {
		t.Errorf("%d units were made, of more than %d", made, want)
	}
	conn.Close()
	if err := worker.Wait(); err != nil {
		t.Fatal(err)
	}
	return worker.ProcessState.UserTime() + worker.ProcessState.SystemTime(), wall
}

// guests are as many inputs as are mixed, of the same source.
func guests(set *media.TrackSet, units []*media.Unit) (*media.TrackSet, []*media.Unit) {
	all := &media.TrackSet{Version: 1}
	var given []*media.Unit
	for i := range mixed {
		own := make(map[*media.Track]*media.Track)
		for _, t := range set.Tracks {
			c := *t
			c.ID = media.TrackID(fmt.Sprintf("%d/%s", i, t.Kind()))
			own[t] = &c
			all.Tracks = append(all.Tracks, &c)
		}
		for _, u := range units {
			v := *u
			v.Track = own[u.Track]
			given = append(given, &v)
		}
	}
	slices.SortStableFunc(given, func(a, b *media.Unit) int { return cmp.Compare(a.Time(), b.Time()) })
	return all, given
}
