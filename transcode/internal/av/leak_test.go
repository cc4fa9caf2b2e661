//go:build libav && cgo

package av

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"weir/pipeline/media"
	"weir/test/machine"
	"weir/transcode/wire"
)

// resident is the process's memory in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	runtime.GC()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// What an engine has opened is gone when it is closed.
func TestNothingLeaks(t *testing.T) {
	machine.Long(t)
	c := readClip(t, "h264-bframes-aac.mp4")
	c.units = c.units[:60]
	job := wire.Job{
		Version: wire.Version, Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)},
		Video: ladderOf(2000, wire.Layer{Name: "a"}, wire.Layer{Name: "b", Height: 90}),
	}
	mix := job
	mix.Mix = &wire.Mix{Width: 320, Height: 180, FPS: 30, LatencyMillis: 100, Normalize: true}
	ms := append(c.messages(),
		wire.Sprite{ID: 1, Width: 8, Height: 8, Pixels: make([]byte, 4*8*8)},
		wire.Scene{
			Boxes:   []wire.Box{{Track: "video", Width: 0.5, Height: 0.5, Opacity: 1}, {Track: "video", X: 0.5, Width: 0.5, Height: 1, Crop: true, Opacity: 0.5}},
			Sprites: []wire.Place{{Sprite: 1, Width: 0.2, Opacity: 1}}, FadeMillis: 200,
		})
	scene := len(ms) - 2
	ms = slices.Concat(ms[:1], ms[scene:], ms[1:scene])
	once := func(n int) {
		r, job, flush := &result{}, job, n%2 == 0
		if n%4 > 1 {
			job = mix
		}
		e, err := New(job, r.take)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, m := range ms {
			if err := e.Handle(m); err != nil {
				t.Fatal(err)
			}
		}
		if flush {
			if err := e.End(); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Allocators and Go's threads take their time to settle; a leak does not stop.
	var sizes []int64
	for i := range 5 {
		for j := range 60 {
			once(i + j)
		}
		sizes = append(sizes, resident(t)>>20)
	}
	t.Logf("%v MiB", sizes)
	before, after := sizes[2], sizes[4]
	if after > before+12 {
		t.Errorf("%d MiB became %d MiB", before, after)
	}
}
