//go:build libav && cgo

package av

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Sizes that an encoder cannot have are made even, shapes are kept, and nothing is
// enlarged.
func TestLayerSizes(t *testing.T) {
	for _, c := range []struct{ sw, sh, w, h, wantW, wantH int }{
		{1920, 1080, 0, 720, 1280, 720},
		{1920, 1080, 640, 0, 640, 360},
		{1920, 1080, 0, 0, 1920, 1080},
		{1920, 1080, 0, 1440, 1920, 1080},
		{1920, 1080, 3840, 2160, 1920, 1080},
		{1080, 1920, 0, 720, 404, 720},
		{1921, 1081, 0, 0, 1920, 1080},
		{641, 361, 0, 180, 320, 180},
		{1, 1, 0, 0, 2, 2},
	} {
		w, h := shape{width: c.sw, height: c.sh}.within(c.w, c.h)
		if w != c.wantW || h != c.wantH {
			t.Errorf("%dx%d within %dx%d is %dx%d, want %dx%d", c.sw, c.sh, c.w, c.h, w, h, c.wantW, c.wantH)
		}
	}
}

// Layers with rates that divide one another take the same instants.
func TestPace(t *testing.T) {
	taken := make(map[float64]map[media.Ticks]bool)
	for _, fps := range []float64{60, 30, 15, 10, 7.5} {
		p, n := pace{fps: fps}, 0
		taken[fps] = make(map[media.Ticks]bool)
		for i := range media.Ticks(600) {
			jitter := i % 3 * 90
			if at := i * 1500; p.take(at + jitter) {
				taken[fps][at] = true
				n++
			}
		}
		if want := int(fps * 10); n != want {
			t.Errorf("%d pictures of 600 at %g a second, want %d", n, fps, want)
		}
	}
	for _, pair := range [][2]float64{{30, 60}, {15, 30}, {7.5, 15}, {10, 30}} {
		for at := range taken[pair[0]] {
			if !taken[pair[1]][at] {
				t.Errorf("the picture at %d is one of %g a second and not of %g", at, pair[0], pair[1])
			}
		}
	}
}

// filming is how a clip of the test card is made, 25 pictures a second.
type filming struct {
	codec         media.Codec
	width, height int
	context       func(x *astiav.CodecContext)
	options       map[string]string
	picture       func(f *astiav.Frame)
}

// take makes a clip of n pictures.
func (s filming) take(t *testing.T, n int) clip {
	t.Helper()
	x := findEncoder(s.codec)
	ctx := astiav.AllocCodecContext(x)
	defer ctx.Free()
	ctx.SetWidth(s.width)
	ctx.SetHeight(s.height)
	ctx.SetPixelFormat(astiav.PixelFormatYuv420P)
	ctx.SetTimeBase(astiav.NewRational(1, int(media.VideoRate)))
	ctx.SetFramerate(astiav.NewRational(25, 1))
	ctx.SetFlags(astiav.NewCodecContextFlags(astiav.CodecContextFlagGlobalHeader))
	if s.context != nil {
		s.context(ctx)
	}
	options := astiav.NewDictionary()
	defer options.Free()
	for k, v := range s.options {
		if err := options.Set(k, v, astiav.NewDictionaryFlags()); err != nil {
			t.Fatal(err)
		}
	}
	if err := ctx.Open(x, options); err != nil {
		t.Fatal(err)
	}
	params, err := configuration(s.codec, ctx.ExtraData())
	if err != nil {
		t.Fatal(err)
	}
	e := &encoder{coding: coding{codec: s.codec}, ctx: ctx, packet: astiav.AllocPacket(), params: params}
	defer e.packet.Free()
	track := &media.Track{ID: "video", Codec: s.codec, Form: media.FormAccess, Rate: media.VideoRate, Layers: []media.Layer{{Width: s.width, Height: s.height}}}
	if params != nil {
		track = params.Track("video")
	}
	c := clip{set: &media.TrackSet{Version: 1, Tracks: []*media.Track{track}}}
	canvas := pool{width: s.width, height: s.height}
	defer canvas.free()
	made := func(u coded) error {
		flags := media.FrameEnd
		if u.key {
			flags |= media.Key
		}
		c.units = append(c.units, &media.Unit{Track: track, PTS: u.pts, DTS: u.pts, Flags: flags, Access: u.access})
		return nil
	}
	for i := range n {
		f, err := canvas.blank()
		if err != nil {
			t.Fatal(err)
		}
		at := media.Ticks(i) * 3600
		draw(f, int64(i), at, int64(i%25))
		if s.picture != nil {
			s.picture(f)
		}
		if err := e.encode(f, at, i == 0, made); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func zeroLatency(x264 string) map[string]string {
	return map[string]string{"preset": "ultrafast", "tune": "zerolatency", "threads": "1", "x264-params": x264}
}

// interlaced is a clip of as many interlaced pictures.
func interlaced(t *testing.T, n int) clip {
	t.Helper()
	return filming{
		codec: media.CodecH264, width: 320, height: 192, options: zeroLatency("tff=1"),
		context: func(x *astiav.CodecContext) {
			x.SetFlags(astiav.NewCodecContextFlags(astiav.CodecContextFlagGlobalHeader, astiav.CodecContextFlagInterlacedDct))
		},
		picture: func(f *astiav.Frame) {
			f.SetFlags(f.Flags().Add(astiav.FrameFlagInterlaced).Add(astiav.FrameFlagTopFieldFirst))
		},
	}.take(t, n)
}

// Interlaced pictures become whole ones, one for each.
func TestInterlaced(t *testing.T) {
	c := interlaced(t, 50)
	fields := 0
	decodeAll(t, c.set.Tracks[0], 0, c.units, func(f *astiav.Frame) {
		if f.Flags().Has(astiav.FrameFlagInterlaced) {
			fields++
		}
	})
	if fields != 50 {
		t.Fatalf("%d of the source's pictures are interlaced", fields)
	}
	r := run(t, wire.Job{Video: keepSize(media.CodecH264)}, c.messages()...)
	n := 0
	decodeAll(t, r.track(t, media.KindVideo), 0, r.units, func(f *astiav.Frame) {
		if f.Flags().Has(astiav.FrameFlagInterlaced) || media.Ticks(f.Pts()) != media.Ticks(n)*3600 {
			t.Errorf("picture %d at %d: %v", n, f.Pts(), f.Flags())
		}
		n++
	})
	if n != 50 {
		t.Errorf("%d pictures", n)
	}
}

// A source of an odd size is cut to an even one, whether it is scaled or not.
func TestOddSize(t *testing.T) {
	c := filming{
		codec: media.CodecVP8, width: 319, height: 177,
		options: map[string]string{"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
	}.take(t, 50)
	for want, job := range map[[2]int]wire.Job{
		{318, 176}: {Video: keepSize(media.CodecH264)},
		{162, 90}:  {Video: ladderOf(1000, wire.Layer{Height: 90})},
	} {
		r := run(t, job, c.messages()...)
		track := r.track(t, media.KindVideo)
		n := 0
		decodeAll(t, track, 0, r.units, func(f *astiav.Frame) {
			if f.Width() != want[0] || f.Height() != want[1] {
				t.Fatalf("a picture of %dx%d, want %v", f.Width(), f.Height(), want)
			}
			n++
		})
		if l := track.Layers[0]; n != 50 || l.Width != want[0] || l.Height != want[1] {
			t.Errorf("%d pictures of %+v, want %v", n, l, want)
		}
	}
}

// A source of a higher dynamic range is refused in words.
func TestHDR(t *testing.T) {
	filmed := func(curve string) clip {
		return filming{codec: media.CodecH264, width: 320, height: 192, options: zeroLatency("transfer=" + curve)}.take(t, 5)
	}
	for _, source := range []struct {
		clip clip
		name string
	}{{readClip(t, "h265-pq.mp4"), "PQ"}, {filmed("smpte2084"), "PQ"}, {filmed("arib-std-b67"), "HLG"}, {filmed("bt709"), ""}} {
		c, name := source.clip, source.name
		e, err := New(wire.Job{Video: keepSize(media.CodecH264)}, func(wire.Message) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range c.messages() {
			err = errors.Join(err, e.Handle(m))
		}
		if err = errors.Join(err, e.End()); (err != nil) != (name != "") || name != "" && !strings.Contains(err.Error(), "HDR ("+name+")") {
			t.Errorf("%s: %v", name, err)
		}
		e.Close()
	}
}

// An input of a mix that is of a higher dynamic range is not shown, which is said once;
// the others are.
func TestHDRInMix(t *testing.T) {
	g := guest{name: "sdr", width: 320, height: 180, fps: 30, video: media.CodecH264, audio: media.CodecOpus, length: 300 * time.Millisecond}
	hdr := readClip(t, "h265-pq.mp4")
	hdr.set.Tracks[0].ID = "hdr/video"
	r := run(t, mixJob(640, 180, 30), append([]wire.Message{row("sdr", "hdr")}, together(g.clip(t), hdr)...)...)
	shown := 0
	decodeAll(t, r.track(t, media.KindVideo), 0, r.of(media.KindVideo, 0), func(f *astiav.Frame) {
		if !near(at(t, f, 480, 90), colourOf([3]uint8{0x20, 0x40, 0x60})) {
			t.Error("there is no background in the place of what is HDR")
		}
		if ns := numbers(lumaOf(t, f), 640, 180, 2); ns[0] >= 0 {
			shown++
		}
	})
	if shown < 8 || len(r.logs) != 1 || !strings.Contains(r.logs[0].Attrs["error"], "HDR (PQ)") {
		t.Errorf("the other input is in %d pictures; %+v", shown, r.logs)
	}
}
