//go:build libav && cgo

package av

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// soundEncoder encodes sound of soundRate, of whatever frame sizes come. It is for one
// goroutine, and must be closed.
type soundEncoder struct {
	codec   media.Codec
	format  astiav.SampleFormat
	layout  astiav.ChannelLayout
	ctx     *astiav.CodecContext
	fifo    *astiav.AudioFifo
	frame   *astiav.Frame
	packet  *astiav.Packet
	size    int         // samples of a frame
	next    media.Ticks // when what is first in fifo begins
	padding media.Ticks // by which coded sound comes later
}

// newSoundEncoder opens an encoder whose first sample will be at start.
func newSoundEncoder(want wire.Audio, channels int, start media.Ticks) (*soundEncoder, error) {
	codec := media.Codec(want.Codec)
	c := findEncoder(codec)
	if c == nil {
		return nil, fmt.Errorf("this weir-av has no encoder for %s", codec)
	}
	e := &soundEncoder{
		codec: codec, layout: astiav.ChannelLayoutStereo, next: start,
		ctx: astiav.AllocCodecContext(c), frame: astiav.AllocFrame(), packet: astiav.AllocPacket(),
	}
	if channels == 1 {
		e.layout = astiav.ChannelLayoutMono
	}
	if err := e.open(c, want); err != nil {
		e.close()
		return nil, fmt.Errorf("opening the encoder for %s: %w", codec, err)
	}
	return e, nil
}

func (e *soundEncoder) open(c *astiav.Codec, want wire.Audio) error {
	formats := c.SupportedSampleFormats()
	if len(formats) == 0 {
		return errors.New("it takes no format")
	}
	e.format = formats[0]
	for _, f := range formats {
		if f == astiav.SampleFormatFlt || f == astiav.SampleFormatFltp {
			e.format = f
		}
	}
	bitrate := want.Bitrate
	if bitrate == 0 {
		bitrate = 64_000 * int64(e.layout.Channels())
	}
	e.ctx.SetSampleFormat(e.format)
	e.ctx.SetSampleRate(int(soundRate))
	e.ctx.SetChannelLayout(e.layout)
	e.ctx.SetTimeBase(astiav.NewRational(1, int(soundRate)))
	e.ctx.SetBitRate(bitrate)
	e.ctx.SetFlags(astiav.NewCodecContextFlags(astiav.CodecContextFlagGlobalHeader))
	if err := e.ctx.Open(c, nil); err != nil {
		return err
	}
	e.size = e.ctx.FrameSize()
	e.padding = initialPadding(e.ctx)
	if e.size <= 0 {
		return errors.New("it has no frame size")
	}
	if e.fifo = astiav.AllocAudioFifo(e.format, e.layout.Channels(), 2*e.size); e.fifo == nil {
		return errors.New("out of memory")
	}
	e.frame.SetSampleFormat(e.format)
	e.frame.SetChannelLayout(e.layout)
	e.frame.SetSampleRate(int(soundRate))
	e.frame.SetNbSamples(e.size)
	return e.frame.AllocBuffer(0)
}

// track describes what is made, in the place of source.
func (e *soundEncoder) track(source *media.Track) (*media.Track, error) {
	config := soundConfiguration(e.codec, e.ctx.ExtraData(), e.layout.Channels(), e.padding)
	p, err := bitstream.Parse(e.codec, config, bitstream.Limits{})
	if err != nil {
		return nil, err
	}
	t := p.Track(source.ID)
	t.Group, t.Language = source.Group, source.Language
	return t, nil
}

// end is when what comes next begins.
func (e *soundEncoder) end() media.Ticks { return e.next + media.Ticks(e.fifo.Size()) }

// encode puts in samples that begin at end(), and gives each coded frame with its time.
func (e *soundEncoder) encode(f *astiav.Frame, each func(data []byte, pts media.Ticks) error) error {
	if _, err := e.fifo.Write(f); err != nil {
		return err
	}
	for e.fifo.Size() >= e.size {
		if err := e.one(each); err != nil {
			return err
		}
	}
	return nil
}

// one encodes the next frame, which is in fifo.
func (e *soundEncoder) one(each func([]byte, media.Ticks) error) error {
	if err := e.frame.MakeWritable(); err != nil {
		return err
	}
	if _, err := e.fifo.Read(e.frame); err != nil {
		return err
	}
	e.frame.SetPts(int64(e.next))
	e.next += media.Ticks(e.size)
	return e.send(e.frame, each)
}

// restart encodes what is left, with silence behind it, and goes on at start.
func (e *soundEncoder) restart(start media.Ticks, each func([]byte, media.Ticks) error) error {
	if err := e.fill(each); err != nil {
		return err
	}
	e.next = start
	return nil
}

// fill puts silence behind an incomplete frame and encodes it.
func (e *soundEncoder) fill(each func([]byte, media.Ticks) error) error {
	missing := e.size - e.fifo.Size()
	if missing == e.size {
		return nil
	}
	silence := astiav.AllocFrame()
	defer silence.Free()
	silence.SetSampleFormat(e.format)
	silence.SetChannelLayout(e.layout)
	silence.SetSampleRate(int(soundRate))
	silence.SetNbSamples(missing)
	if err := silence.AllocBuffer(0); err != nil {
		return err
	}
	if err := silence.SamplesFillSilence(); err != nil {
		return err
	}
	return e.encode(silence, each)
}

// flush encodes all that is left. The encoder can only be closed after it.
func (e *soundEncoder) flush(each func([]byte, media.Ticks) error) error {
	if err := e.fill(each); err != nil {
		return err
	}
	return e.send(nil, each)
}

func (e *soundEncoder) send(f *astiav.Frame, each func([]byte, media.Ticks) error) error {
	return transcribe(e.ctx, f, e.packet, e.codec, func() error {
		return each(e.packet.Data(), media.Ticks(e.packet.Pts()))
	})
}

func (e *soundEncoder) close() {
	if e.fifo != nil {
		e.fifo.Free()
	}
	e.packet.Free()
	e.frame.Free()
	e.ctx.Free()
}
