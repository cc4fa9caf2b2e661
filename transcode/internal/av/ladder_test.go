//go:build libav && cgo

package av

import (
	"slices"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

func ladderOf(every int64, layers ...wire.Layer) *wire.Video {
	return &wire.Video{Codec: wire.Codec(media.CodecH264), Preset: "ultrafast", KeyframeEveryMillis: every, Layers: layers}
}

// loop is a clip again and again, n times, as one stream.
func (c clip) loop(n int, period media.Ticks) clip {
	out := clip{set: c.set}
	for i := range n {
		for _, u := range c.units {
			v := *u
			by := media.Rescale(period*media.Ticks(i), media.VideoRate, u.Track.Rate)
			v.PTS += by
			v.DTS += by
			out.units = append(out.units, &v)
		}
	}
	return out
}

// All layers of a ladder have key units at the same instants: every two seconds and
// where one was wished for.
func TestLadderInStep(t *testing.T) {
	c := readClip(t, "h264-bframes-aac.mp4").kind(media.KindVideo).loop(3, 6*90_000)
	job := wire.Job{Video: ladderOf(2000,
		wire.Layer{Name: "low", Height: 60, FPS: 15}, wire.Layer{Name: "source"}, wire.Layer{Name: "mid", Height: 120, Bitrate: 200_000})}
	ms := c.messages()
	ms = slices.Insert(ms, 100, wire.Message(wire.Keyframe{Layer: 2}))
	r := run(t, job, ms...)

	track := r.track(t, media.KindVideo)
	for i, want := range [][2]int{{106, 60}, {320, 180}, {212, 120}} {
		if l := track.Layers[i]; l.Width != want[0] || l.Height != want[1] || l.Config == nil || l.Bitrate == 0 {
			t.Errorf("layer %d: %+v, want %v", i, l, want)
		}
	}
	want := keys(r.of(media.KindVideo, 1))
	if len(want) != 10 { // 18 s, and the wish
		t.Errorf("key units at %v", want)
	}
	for i, n := range []int{270, 540, 540} {
		units := r.of(media.KindVideo, int8(i))
		if got := keys(units); !slices.Equal(got, want) {
			t.Errorf("layer %d has key units at %v, want %v", i, got, want)
		}
		if got := len(units); got < n || got > n+5 { // a key unit may be one more than the rate
			t.Errorf("layer %d has %d pictures, want %d", i, got, n)
		}
		decoded := 0
		decodeAll(t, track, int8(i), units, func(f *astiav.Frame) {
			decoded++
			if f.Width() != track.Layers[i].Width || f.Height() != track.Layers[i].Height {
				t.Fatalf("a picture of %dx%d in layer %d", f.Width(), f.Height(), i)
			}
		})
		if decoded != len(units) {
			t.Errorf("layer %d: %d of %d pictures can be decoded", i, decoded, len(units))
		}
	}
}

// A bitrate changes while the encoder runs, without a key unit.
func TestBitrateChanges(t *testing.T) {
	c := readClip(t, "h264-aac.mp4").kind(media.KindVideo).loop(4, 6*90_000)
	ms := c.messages()
	half := len(ms) / 2
	ms = slices.Insert(ms, half, wire.Message(wire.Control{Track: "video", Layer: 0, Bitrate: 60_000}))
	r := run(t, wire.Job{Video: ladderOf(60_000, wire.Layer{Bitrate: 300_000})}, ms...)
	var before, after int
	units := r.of(media.KindVideo, 0)
	for i, u := range units {
		switch {
		case i > 60 && i < 330:
			before += u.Size()
		case i > 420:
			after += u.Size()
		}
	}
	fast, slow := before*8/9, after*8/10 // bit/s
	t.Logf("%d, then %d bit/s", fast, slow)
	if fast < 200_000 || fast > 360_000 || slow < 40_000 || slow > 80_000 {
		t.Errorf("%d, then %d bit/s; want 300000 and 60000", fast, slow)
	}
	if k := keys(units); len(k) != 1 {
		t.Errorf("key units at %v", k)
	}
}

// A paused layer makes nothing, does not stop those below it, and resumes with a key
// unit.
func TestPause(t *testing.T) {
	c := readClip(t, "h264-aac.mp4").kind(media.KindVideo)
	ms := c.messages()
	yes, no := true, false
	ms = slices.Insert(ms, 120, wire.Message(wire.Control{Track: "video", Layer: 0, Paused: &no}))
	ms = slices.Insert(ms, 60, wire.Message(wire.Control{Track: "video", Layer: 0, Paused: &yes}))
	r := run(t, wire.Job{Video: ladderOf(60_000, wire.Layer{Name: "a", Height: 180}, wire.Layer{Name: "b", Height: 90})}, ms...)
	if top, low := r.of(media.KindVideo, 0), r.of(media.KindVideo, 1); len(top) != 120 || len(low) != 180 || len(keys(top)) != 2 {
		t.Errorf("%d pictures with key units at %v, and %d below", len(top), keys(top), len(low))
	}
}

// A picture is as late as it is beyond what all are late by.
func TestLate(t *testing.T) {
	var l lag
	begin := time.Now()
	for i, c := range []struct{ age, want time.Duration }{
		{3 * time.Second, 0}, {3500 * time.Millisecond, 500 * time.Millisecond}, {2900 * time.Millisecond, 0},
		{3 * time.Second, 100 * time.Millisecond}, {-time.Hour, 0},
	} {
		if got := l.of(begin, begin.Add(c.age)); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
}
