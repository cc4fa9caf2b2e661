//go:build libav && cgo

package av

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Everything that libav is used for, once and on little: scripts/memcheck.sh runs this in
// valgrind, where a second takes minutes.
func TestMemory(t *testing.T) {
	const length = 600 * time.Millisecond
	var clips []clip
	for _, g := range []guest{
		{name: "h264", video: media.CodecH264, audio: media.CodecOpus},
		{name: "vp8", video: media.CodecVP8, audio: media.CodecAAC},
		{name: "vp9", video: media.CodecVP9, audio: media.CodecOpus},
		{name: "av1", video: media.CodecAV1, audio: media.CodecAAC},
	} {
		g.width, g.height, g.fps, g.length = 64, 64, 30, length
		clips = append(clips, g.clip(t))
	}
	h265 := readClip(t, "h265-aac.mp4").kind(media.KindVideo)
	h265.units = h265.units[:5]
	clips = append(clips, h265)

	clips = append(clips, interlaced(t, 10))

	layers := wire.Job{
		Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)},
		Video: ladderOf(2000, wire.Layer{Name: "a"}, wire.Layer{Name: "b", Height: 32}),
	}
	sprite := wire.Sprite{ID: 1, Width: 8, Height: 8, Pixels: make([]byte, 4*8*8)}
	over := wire.Place{Sprite: 1, X: 0.9, Width: 0.2, Opacity: 0.5}
	for _, c := range clips {
		r := run(t, layers, append([]wire.Message{sprite, wire.Scene{Sprites: []wire.Place{over}}}, c.messages()...)...)
		n := len(c.kind(media.KindVideo).units)
		for layer := range int8(2) {
			if made := len(r.of(media.KindVideo, layer)); made != n {
				t.Errorf("%s: %d pictures of %d in layer %d", c.set.Tracks[0].Codec, made, n, layer)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	for _, c := range clips {
		damaged := clip{set: c.set, units: slices.Clone(c.units)}
		for i := 1; i < len(damaged.units); i += 2 {
			damaged.units[i] = mutate(damaged.units[i], random)
		}
		run(t, layers, damaged.messages()...)
	}
	mix := mixJob(128, 64, 30)
	mix.Mix.Normalize = true
	scene := row("h264", "vp8", "vp9", "av1")
	scene.FadeMillis = 100
	scene.Boxes[0].Crop, scene.Boxes[1].Border, scene.Boxes[1].Opacity = true, 0.05, 0.7
	scene.Sprites = []wire.Place{over}
	r := run(t, mix, append([]wire.Message{sprite, scene}, together(clips[:4]...)...)...)
	if made := len(r.of(media.KindVideo, 0)); made < 15 {
		t.Errorf("a mix has %d pictures", made)
	}
}
