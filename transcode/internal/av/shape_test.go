//go:build libav && cgo

package av

import (
	"fmt"
	"testing"

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

// interlaced is a clip of as many interlaced pictures of the test card.
func interlaced(t *testing.T, n int) clip {
	t.Helper()
	x := astiav.FindEncoderByName("libx264")
	ctx := astiav.AllocCodecContext(x)
	defer ctx.Free()
	ctx.SetWidth(320)
	ctx.SetHeight(192)
	ctx.SetPixelFormat(astiav.PixelFormatYuv420P)
	ctx.SetTimeBase(astiav.NewRational(1, int(media.VideoRate)))
	ctx.SetFramerate(astiav.NewRational(25, 1))
	ctx.SetFlags(astiav.NewCodecContextFlags(astiav.CodecContextFlagGlobalHeader, astiav.CodecContextFlagInterlacedDct))
	options := astiav.NewDictionary()
	defer options.Free()
	for k, v := range map[string]string{"preset": "ultrafast", "tune": "zerolatency", "x264-params": "tff=1"} {
		if err := options.Set(k, v, astiav.NewDictionaryFlags()); err != nil {
			t.Fatal(err)
		}
	}
	if err := ctx.Open(x, options); err != nil {
		t.Fatal(err)
	}
	params, err := configuration(media.CodecH264, ctx.ExtraData())
	if err != nil {
		t.Fatal(err)
	}
	e := &encoder{coding: coding{codec: media.CodecH264}, ctx: ctx, packet: astiav.AllocPacket(), params: params}
	defer e.packet.Free()
	track := params.Track("video")
	c := clip{set: &media.TrackSet{Version: 1, Tracks: []*media.Track{track}}}
	canvas := pool{width: 320, height: 192}
	defer canvas.free()
	for i := range n {
		f, err := canvas.blank()
		if err != nil {
			t.Fatal(err)
		}
		at := media.Ticks(i) * 3600
		draw(f, int64(i), at, int64(i%25))
		f.SetFlags(f.Flags().Add(astiav.FrameFlagInterlaced).Add(astiav.FrameFlagTopFieldFirst))
		if err := e.encode(f, at, i == 0, func(u coded) error {
			flags := media.FrameEnd
			if u.key {
				flags |= media.Key
			}
			c.units = append(c.units, &media.Unit{Track: track, PTS: u.pts, DTS: u.pts, Flags: flags, Access: u.access})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return c
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

// A source of an odd size is cut to an even one.
func TestOddSize(t *testing.T) {
	c := readClip(t, "h264-aac.mp4").kind(media.KindVideo)
	for _, codec := range []media.Codec{media.CodecVP8, media.CodecVP9} {
		t.Run(fmt.Sprint(codec), func(t *testing.T) {
			job := wire.Job{Video: ladderOf(1000, wire.Layer{Width: 318, Height: 178})}
			job.Video.Codec = wire.Codec(codec)
			r := run(t, job, c.messages()...)
			odd := clip{set: r.sets[0], units: r.of(media.KindVideo, 0)}
			again := run(t, wire.Job{Video: ladderOf(1000, wire.Layer{Height: 177 &^ 1})}, odd.messages()...)
			if n := len(again.of(media.KindVideo, 0)); n != 180 {
				t.Errorf("%d pictures", n)
			}
		})
	}
}
