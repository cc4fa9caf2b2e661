//go:build libav && cgo

package main

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// mixed is how many inputs are mixed.
const mixed = 4

// What a mix of four inputs of 720p30 to 720p30, with their sound, costs in the worker
// and in ffmpeg: see TestLadderCost. Both scale with swscale's bicubic filter.
func TestMixCost(t *testing.T) {
	ffmpegProgram(t)
	source := costSource(t, "1280x720", 2_500_000, 0, true)
	set, units := guests(readFLV(t, source))
	compare(t, "4 x 720p30 to 720p30", 1, func() time.Duration { return mixInFFmpeg(t, source) }, func() time.Duration {
		cpu, made := costOfWorker(t, mixJob(), set, units, quarters())
		if want := int(costLength.Seconds())*(costFPS+50) - costFPS; made < want {
			t.Errorf("%d units were made, of more than %d", made, want)
		}
		return cpu
	})
}

func mixInFFmpeg(t *testing.T, source string) time.Duration {
	t.Helper()
	var args []string
	for range mixed {
		args = append(args, "-threads", "1", "-i", source)
	}
	args = append(args, "-filter_complex_threads", "1", "-filter_complex",
		"[0:v]scale=640:360[a];[1:v]scale=640:360[b];[2:v]scale=640:360[c];[3:v]scale=640:360[d];"+
			"[a][b][c][d]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0[v];"+
			"[0:a][1:a][2:a][3:a]amix=inputs=4:normalize=0,alimiter=limit=0.89:level=0[s]",
		"-map", "[v]")
	args = append(args, live(2_500_000)...)
	return spent(ffmpeg(t, append(args, "-map", "[s]", "-c:a", "libopus", "-b:a", "128k", "-f", "null", "-")...))
}

func mixJob() wire.Job {
	return wire.Job{
		Version: wire.Version, Stage: "bench", Threads: 1,
		Mix: &wire.Mix{Width: 1280, Height: 720, FPS: costFPS, LatencyMillis: 5000},
		Video: &wire.Video{
			Codec: wire.Codec(media.CodecH264), Preset: "veryfast", KeyframeEveryMillis: 2000, Layers: []wire.Layer{{Name: "hd", Bitrate: 2_500_000}},
		},
		Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus), Bitrate: 128_000},
	}
}

// quarters shows each guest in a quarter.
func quarters() (s wire.Scene) {
	for i := range mixed {
		s.Boxes = append(s.Boxes, wire.Box{
			Track: media.TrackID(fmt.Sprintf("%d/video", i)), X: float64(i%2) / 2, Y: float64(i/2) / 2, Width: 0.5, Height: 0.5, Opacity: 1,
		})
	}
	return s
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
