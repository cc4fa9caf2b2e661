//go:build libav && cgo

package av

import (
	"fmt"

	"github.com/asticode/go-astiav"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// coding is how pictures are encoded.
type coding struct {
	codec         media.Codec
	hw            string // the kind of hardware, or ""
	preset        string
	width, height int
	fps           float64
	bitrate       int64
	threads       int
}

// encoder encodes pictures of one size, without reordering them and with no delay. It
// is for one goroutine, and must be closed.
type encoder struct {
	coding
	ctx    *astiav.CodecContext
	packet *astiav.Packet
	params *bitstream.Params // nil for codecs that have no configuration
	rate   int64             // what the encoder was told, in bit/s
	// adjusts says whether the encoder's rate can be changed and bounded.
	adjusts bool
	upload  *upload // for hardware with a memory of its own
}

// newEncoder opens an encoder for pictures like f, whose colours it describes.
func newEncoder(want coding, f *astiav.Frame) (*encoder, error) {
	c, err := findEncoderOn(want.codec, want.hw)
	if err != nil {
		return nil, err
	}
	e := &encoder{coding: want, ctx: astiav.AllocCodecContext(c), packet: astiav.AllocPacket()}
	if err := e.open(c, f); err != nil {
		e.close()
		return nil, fmt.Errorf("opening the encoder %s for %dx%d: %w", c.Name(), want.width, want.height, err)
	}
	return e, nil
}

func (e *encoder) open(c *astiav.Codec, f *astiav.Frame) error {
	x := e.ctx
	x.SetWidth(e.width)
	x.SetHeight(e.height)
	x.SetPixelFormat(astiav.PixelFormatYuv420P)
	x.SetTimeBase(astiav.NewRational(1, int(media.VideoRate)))
	x.SetFramerate(rational(e.fps))
	x.SetSampleAspectRatio(f.SampleAspectRatio())
	x.SetColorRange(rangeOf(f))
	x.SetColorSpace(f.ColorSpace())
	x.SetMaxBFrames(0)
	x.SetThreadCount(max(1, e.threads))
	x.SetFlags(astiav.NewCodecContextFlags(astiav.CodecContextFlagGlobalHeader))
	x.SetBitRate(e.bitrate)
	e.adjusts = adjusts(c.Name())
	e.allot(e.bitrate)
	if e.hw == vaapi {
		var err error
		if e.upload, err = newUpload(e.width, e.height); err != nil {
			return err
		}
		x.SetPixelFormat(astiav.PixelFormatVaapi)
		x.SetHardwareFramesContext(e.upload.frames)
	}
	options := astiav.NewDictionary()
	defer options.Free()
	for k, v := range tuning(c.Name(), e.coding) {
		if err := options.Set(k, v, astiav.NewDictionaryFlags()); err != nil {
			return err
		}
	}
	if err := x.Open(c, options); err != nil {
		return err
	}
	var err error
	e.params, err = configuration(e.codec, x.ExtraData())
	return err
}

// rangeOf says whether a picture's colours fill the whole range.
func rangeOf(f *astiav.Frame) astiav.ColorRange {
	if f.PixelFormat() == astiav.PixelFormatYuvj420P {
		return astiav.ColorRangeJpeg
	}
	return f.ColorRange()
}

func rational(fps float64) astiav.Rational {
	return astiav.NewRational(int(fps*1001+0.5), 1001)
}

// tuning are the options of an encoder for live pictures: no look-ahead, no B-frames,
// key units where we say.
func tuning(encoder string, c coding) map[string]string {
	const never = "1000000000"
	switch encoder {
	case "libx264":
		preset := c.preset
		if preset == "" {
			preset = "veryfast"
		}
		return map[string]string{
			"preset": preset, "tune": "zerolatency", "forced-idr": "1",
			"g": "-1", "sc_threshold": "0", "x264-params": "keyint=infinite:scenecut=0",
		}
	case "h264_nvenc":
		return map[string]string{
			"preset": "p4", "tune": "ull", "rc": "cbr", "zerolatency": "1", "delay": "0",
			"no-scenecut": "1", "forced-idr": "1", "g": never,
		}
	case "h264_vaapi":
		return map[string]string{"rc_mode": "CBR", "async_depth": "1", "idr_interval": "0", "g": never}
	case "libvpx", "libvpx-vp9":
		return map[string]string{
			"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "default",
			"auto-alt-ref": "0", "g": never, "row-mt": "1",
		}
	case "libsvtav1":
		return map[string]string{"preset": "11", "svtav1-params": "pred-struct=1:keyint=-1:scd=0:force-key-frames=1:rc=2"}
	default:
		return map[string]string{"g": never}
	}
}

// adjusts says whether an encoder's bitrate can be changed while it runs, and kept
// within a buffer.
func adjusts(encoder string) bool { return encoder == "libx264" || encoder == "h264_nvenc" }

// allot changes the bitrate, from the next picture on and without a key unit, where the
// encoder can.
func (e *encoder) allot(bitrate int64) {
	if bitrate == e.rate || !e.adjusts {
		return
	}
	// The larger of the two is never below the other, which would be complained of.
	if bitrate > e.rate {
		e.ctx.SetRateControlMaxRate(bitrate)
		e.ctx.SetBitRate(bitrate)
	} else {
		e.ctx.SetBitRate(bitrate)
		e.ctx.SetRateControlMaxRate(bitrate)
	}
	e.ctx.SetRateControlBufferSize(int(min(bitrate, 1<<30)))
	e.rate = bitrate
}

// coded is one access unit that an encoder made.
type coded struct {
	access [][]byte
	pts    media.Ticks
	key    bool
}

// encode puts in a picture, as a key unit if key, and gives what comes out. A nil
// frame takes out what is left; after it the encoder can only be closed.
func (e *encoder) encode(f *astiav.Frame, pts media.Ticks, key bool, each func(coded) error) error {
	if f != nil && e.upload != nil {
		var err error
		if f, err = e.upload.put(f); err != nil {
			return err
		}
	}
	if f != nil {
		f.SetPts(int64(pts))
		f.SetPictureType(astiav.PictureTypeNone) // it has the source's
		if key {
			f.SetPictureType(astiav.PictureTypeI)
		}
	}
	return transcribe(e.ctx, f, e.packet, e.codec, func() error {
		access, err := normal(e.codec, e.params, e.packet.Data())
		if err != nil {
			return fmt.Errorf("the encoder for %s made what is not %s: %w", e.codec, e.codec, err)
		}
		if len(access) == 0 {
			return nil
		}
		return each(coded{access: access, pts: media.Ticks(e.packet.Pts()), key: e.packet.Flags().Has(astiav.PacketFlagKey)})
	})
}

// layer describes what is made.
func (e *encoder) layer(name string) media.Layer {
	l := media.Layer{Name: name, Width: e.width, Height: e.height, FPS: e.fps, Bitrate: e.bitrate}
	if e.params != nil {
		l.Config = e.params.Config
	}
	return l
}

func (e *encoder) close() {
	e.packet.Free()
	e.ctx.Free()
	if e.upload != nil {
		e.upload.close()
	}
}

// usual is the bitrate that suits pictures of that size, in bit/s.
func usual(width, height int, fps float64) int64 {
	const hd, hdRate = 1280 * 720, 2_800_000
	pixels := float64(width*height) / hd
	rate := hdRate * pixels * (0.5 + fps/60)
	if pixels < 1 {
		rate *= 2 - pixels // small pictures have more detail in each pixel
	}
	return max(150_000, int64(rate)/10_000*10_000)
}
