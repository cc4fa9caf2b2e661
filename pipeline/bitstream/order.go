package bitstream

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"weir/pipeline/media"
)

// Order says whether pictures are decoded in another order than they are shown in.
type Order uint8

// What a configuration says about the order of pictures.
const (
	// OrderUnknown: the configuration does not say; only the pictures do.
	OrderUnknown Order = iota
	// OrderShown: never; there are no B-frames.
	OrderShown
	// OrderMixed: the encoder has announced it.
	OrderMixed
)

// Order is what p says about the order of pictures. Where a source's parameter sets
// differ, it is that of the one that reorders most.
func (p *Params) Order() Order {
	order := OrderShown
	for _, b := range p.sets.sps {
		o := OrderUnknown
		switch p.Codec {
		case media.CodecH264:
			o = h264Order(b)
		case media.CodecH265:
			o = h265Order(b)
		default: // have no parameter sets of this kind
		}
		switch o {
		case OrderMixed:
			return OrderMixed
		case OrderUnknown:
			order = OrderUnknown
		}
	}
	return order
}

// h264Order reads an SPS (ITU-T H.264 sections 7.4.2.1.1, A.2.1 and E.2.1).
func h264Order(b []byte) Order {
	const baseline = 66
	var s h264.SPS
	if err := s.Unmarshal(b); err != nil {
		return OrderUnknown
	}
	switch {
	case s.ProfileIdc == baseline, s.PicOrderCntType == 2:
		return OrderShown
	case s.VUI == nil || s.VUI.BitstreamRestriction == nil:
		return OrderUnknown
	case s.VUI.BitstreamRestriction.MaxNumReorderFrames == 0:
		return OrderShown
	default:
		return OrderMixed
	}
}

// h265Order reads an SPS (ITU-T H.265 section 7.4.3.2.1).
func h265Order(b []byte) Order {
	var s h265.SPS
	if err := s.Unmarshal(b); err != nil {
		return OrderUnknown
	}
	for _, n := range s.MaxNumReorderPics {
		if n > 0 {
			return OrderMixed
		}
	}
	return OrderShown
}
