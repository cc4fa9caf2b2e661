//go:build libav && cgo

package av

// #include <libavcodec/avcodec.h>
//
// static int weir_decode_errors(const void *frame) { return ((const AVFrame *)frame)->decode_error_flags; }
// static void weir_packet_time_base(void *context, int den) { ((AVCodecContext *)context)->pkt_timebase = (AVRational){1, den}; }
import "C"

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
)

const (
	// maxSide is the most pixels that a picture may have in one direction.
	maxSide = 8192
	// maxPixels bounds what a decoder allocates for a picture: 8K.
	maxPixels = 7680 * 4320
)

// errDamaged says that a unit cannot be decoded; the next one may be fine.
var errDamaged = errors.New("damaged")

// decoder decodes one track. It is for one goroutine, and must be closed.
type decoder struct {
	codec media.Codec
	ctx   *astiav.CodecContext
	in    packet
	frame *astiav.Frame
}

// newDecoder opens a decoder for layer of t, with that many threads. More than one
// add to the latency a frame each.
func newDecoder(t *media.Track, layer int8, threads int) (*decoder, error) {
	c := findDecoder(t.Codec)
	if c == nil {
		return nil, fmt.Errorf("this weir-av has no decoder for %s", t.Codec)
	}
	ctx := astiav.AllocCodecContext(c)
	if ctx == nil {
		return nil, errors.New("out of memory")
	}
	d := &decoder{codec: t.Codec, ctx: ctx, in: newPacket(), frame: astiav.AllocFrame()}
	if err := d.open(c, t, layer, threads); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *decoder) open(c *astiav.Codec, t *media.Track, layer int8, threads int) error {
	if err := d.ctx.SetExtraData(extradata(t.Codec, t.LayerConfig(layer))); err != nil {
		return err
	}
	d.ctx.SetTimeBase(astiav.NewRational(1, int(t.Rate)))
	C.weir_packet_time_base(d.ctx.UnsafePointer(), C.int(t.Rate))
	d.ctx.SetThreadCount(threads)
	if t.Kind() == media.KindAudio {
		d.ctx.SetSampleRate(int(t.Rate))
		d.ctx.SetChannelLayout(astiav.ChannelLayoutStereo)
	}
	options := astiav.NewDictionary()
	defer options.Free()
	for k, v := range map[string]string{"max_pixels": strconv.Itoa(maxPixels), "request_sample_fmt": "flt"} {
		if err := options.Set(k, v, astiav.NewDictionaryFlags()); err != nil {
			return err
		}
	}
	if err := d.ctx.Open(c, options); err != nil {
		return fmt.Errorf("%w: the configuration of the %s track is not understood: %w", errDamaged, t.Codec, err)
	}
	return nil
}

// decode gives each frame that u completes to each, which may keep no more than a
// reference of its own. A nil unit takes out what is left; after it the decoder can
// only be closed. Damage in the input is errDamaged; frames that came out before it
// have been given. clean says whether a frame was decoded without errors.
func (d *decoder) decode(u *media.Unit, each func(f *astiav.Frame, clean bool) error) error {
	var p *astiav.Packet
	if u != nil {
		if err := d.in.fill(d.codec, u); err != nil {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		p = d.in.Packet
	}
	sent := d.ctx.SendPacket(p)
	if errors.Is(sent, astiav.ErrEagain) || errors.Is(sent, astiav.ErrEof) {
		sent = nil // all frames are taken after each packet
	}
	for {
		err := d.ctx.ReceiveFrame(d.frame)
		switch {
		case errors.Is(err, astiav.ErrEagain), errors.Is(err, astiav.ErrEof):
			if sent != nil {
				return fmt.Errorf("%w: %w", errDamaged, sent)
			}
			return nil
		case err != nil:
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		clean := C.weir_decode_errors(d.frame.UnsafePointer()) == 0 && !d.frame.Flags().Has(astiav.FrameFlagCorrupt)
		err = each(d.frame, clean)
		d.frame.Unref()
		if err != nil {
			return err
		}
	}
}

func (d *decoder) close() {
	d.in.Free()
	d.frame.Free()
	d.ctx.Free()
}
