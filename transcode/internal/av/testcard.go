//go:build libav && cgo

package av

// #cgo LDFLAGS: -lm
// #include "testcard.h"
import "C"

import (
	"errors"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/testcard"
	"weir/transcode/wire"
)

// draw draws picture n of the test card, to be shown at pts.
func draw(f *astiav.Frame, n int64, pts media.Ticks, inSecond int64) {
	ms := media.Rescale(pts, media.VideoRate, media.MilliRate)
	C.weir_card(f.UnsafePointer(), C.int64_t(ms), C.int(inSecond), C.uint64_t(testcard.Code(uint64(n))), testcard.Cells)
}

// tone fills f, of floating-point samples, with the sound of the test card from that
// sample on.
func tone(f *astiav.Frame, first int64) {
	C.weir_tone(f.UnsafePointer(), C.int64_t(first))
}

// card is the picture of a test card. What it is given are units that have nothing but
// their times; it draws what they would be.
type card struct {
	*ladder
	test   wire.Test
	source *media.Track
	lag    lag
	canvas *pool
}

func newCard(job wire.Job, out *outlet) *card {
	return &card{ladder: newLadder(job, out), test: *job.Test, canvas: &pool{width: job.Test.Width, height: job.Test.Height}}
}

func (c *card) track(t *media.Track) error {
	c.source = t
	return nil
}

func (c *card) unit(u *media.Unit) error {
	f, err := c.canvas.blank()
	if err != nil {
		return err
	}
	m := newMetronome(c.source, c.test)
	n := m.number(u.PTS)
	draw(f, n, u.PTS, m.inSecond(n))
	c.out.framesIn.Add(1)
	return c.show(f, stampOf(u), c.lag.of(u.Arrived, time.Now()), c.source)
}

func (c *card) end(bool) error {
	err := c.ladder.end()
	c.canvas.free()
	return err
}

// beeps is the sound of a test card, in the same manner.
type beeps struct {
	*audio
	frame *astiav.Frame
}

// beepSamples is how much sound is made at once: 20 ms.
const beepSamples = 960

func newBeeps(want wire.Audio, out *outlet) *beeps {
	return &beeps{audio: newAudio(want, out)}
}

func (b *beeps) track(t *media.Track) error {
	b.source = t
	if b.frame != nil {
		return nil
	}
	b.frame = astiav.AllocFrame()
	b.frame.SetSampleFormat(astiav.SampleFormatFltp)
	b.frame.SetSampleRate(int(soundRate))
	b.frame.SetNbSamples(beepSamples)
	b.frame.SetChannelLayout(astiav.ChannelLayoutMono)
	if b.want.Channels != 1 {
		b.frame.SetChannelLayout(astiav.ChannelLayoutStereo)
	}
	return b.frame.AllocBuffer(0)
}

func (b *beeps) unit(u *media.Unit) error {
	if b.frame == nil {
		return errors.New("sound before its track")
	}
	if err := b.frame.MakeWritable(); err != nil {
		return err
	}
	tone(b.frame, int64(u.PTS))
	b.ledger.enter(stampOf(u))
	b.samples.out.framesIn.Add(1)
	return b.decoded(b.frame, u.PTS)
}

func (b *beeps) end(flush bool) error {
	err := b.audio.end(flush)
	if b.frame != nil {
		b.frame.Free()
	}
	return err
}

// testTracks are those of a test card, before they are coded. They have no form, since
// nothing of them goes over an edge.
func testTracks(job wire.Job) *media.TrackSet {
	set := &media.TrackSet{Version: 1}
	if job.Video != nil {
		set.Tracks = append(set.Tracks, &media.Track{
			ID: "video", Codec: media.Codec(job.Video.Codec), Rate: media.VideoRate,
			Layers: []media.Layer{{Width: job.Test.Width, Height: job.Test.Height, FPS: job.Test.FPS}},
		})
	}
	if job.Audio != nil {
		set.Tracks = append(set.Tracks, &media.Track{ID: "audio", Codec: media.Codec(job.Audio.Codec), Rate: soundRate})
	}
	return set
}
