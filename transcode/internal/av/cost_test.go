//go:build libav && cgo

package av

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// processorTime is what the process has taken.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// costs reports the processor time that each step takes, for so many of something: in
// cores for so many a second.
func costs(b *testing.B, of float64, unit string, step func(n int) error) {
	b.Helper()
	begin, n := processorTime(b), 0
	for ; b.Loop(); n++ {
		if err := step(n); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((processorTime(b)-begin).Seconds()/float64(n)/of, "cores/"+unit)
}

// noisy are n pictures of a test card that a bad camera takes.
func noisy(b *testing.B, width, height, n int) []*astiav.Frame {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var all []*astiav.Frame
	for i := range n {
		f, err := allocPicture(width, height, astiav.PixelFormatYuv420P)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(f.Free)
		draw(f, int64(i), media.Ticks(i)*3000, int64(i%30))
		samples, err := f.Data().Bytes(1)
		if err != nil {
			b.Fatal(err)
		}
		for j := range width * height {
			samples[j] += uint8(random.IntN(5)) - 2
		}
		if err := f.Data().SetBytes(samples, 1); err != nil {
			b.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// What is assumed of the cost of jobs (transcode/rendition, transcode/mixer) is what this
// measures: make bench-transcode.
func BenchmarkCost(b *testing.B) {
	const width, height = 1280, 720
	const pixels = float64(width*height) / 1e6
	AvoidGathers()
	shown := noisy(b, width, height, 30)
	e, err := newEncoder(coding{codec: media.CodecH264, width: width, height: height, fps: 30, bitrate: 2_500_000, threads: 1}, shown[0])
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.close)
	track := e.params.Track("video")
	var units []*media.Unit
	at := 0
	encode := func(int) error {
		defer func() { at++ }()
		return e.encode(shown[at%len(shown)], media.Ticks(at)*3000, at%60 == 0, func(c coded) error {
			if len(units) < 120 {
				units = append(units, &media.Unit{Track: track, PTS: c.pts, DTS: c.pts, Flags: media.FrameEnd, Access: c.access})
			}
			return nil
		})
	}
	for len(units) < 120 {
		if err := encode(0); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("encode", func(b *testing.B) { costs(b, pixels, "(Mpx/s)", encode) })
	b.Run("decode", func(b *testing.B) {
		d, err := newDecoder(track, 0, 1)
		if err != nil {
			b.Fatal(err)
		}
		defer d.close()
		costs(b, pixels, "(Mpx/s)", func(n int) error {
			return d.decode(units[n%len(units)], func(*astiav.Frame, bool) error { return nil })
		})
	})
	quarter := cut{width: width / 2, height: height / 2}
	b.Run("scale", func(b *testing.B) {
		var c cutter
		defer c.close()
		costs(b, pixels, "(Mpx/s)", func(n int) error {
			f, err := c.of(shown[n%len(shown)], quarter)
			if err == nil {
				f.Free()
			}
			return err
		})
	})
	b.Run("compose", func(b *testing.B) {
		c, s, small := newCanvas(wire.Mix{Width: width, Height: height}), newScenery(), noisy(b, width/2, height/2, 8)
		defer c.free()
		s.scene(wire.Scene{Boxes: []wire.Box{
			{Track: "a", Width: 0.5, Height: 0.5, Opacity: 1}, {Track: "b", X: 0.5, Width: 0.5, Height: 0.5, Opacity: 1},
			{Track: "c", Y: 0.5, Width: 0.5, Height: 0.5, Opacity: 1}, {Track: "d", X: 0.5, Y: 0.5, Width: 0.5, Height: 0.5, Opacity: 1},
		}})
		costs(b, pixels, "(Mpx/s)", func(n int) error {
			f := small[n%len(small)]
			_, err := c.draw(s.now.Load(), media.Ticks(n), func(media.TrackID) shot { return shot{frame: f, ready: f, cut: quarter} })
			return err
		})
	})
	b.Run("sound", func(b *testing.B) {
		c := clicks(b, media.CodecAAC, 10*time.Second)
		job := wire.Job{Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus), Bitrate: 128_000, Channels: 2}}
		costs(b, 10, "track", func(int) error {
			run(b, job, c.messages()...)
			return nil
		})
	})
}
