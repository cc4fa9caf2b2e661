package bitstream

import (
	"testing"

	"weir/pipeline/media"
)

// What encoders write about the order of their pictures.
func TestOrder(t *testing.T) {
	for name, c := range map[string]struct {
		codec  media.Codec
		config []byte
		want   Order
	}{
		"x264, bframes=0": {
			media.CodecH264, unhex(t, "0164000cffe100186764000cacb202833f3e0220000003002000000641e2854901000668ebc3cb22c0fdf8f800"),
			OrderShown,
		},
		"x264, bframes=2": {
			media.CodecH264, unhex(t, "0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000668ebe3cb22c0fdf8f800"),
			OrderMixed,
		},
		"x264, baseline": {
			media.CodecH264, unhex(t, "0142c00cffe100196742c00cd901419f9f011000000300100000030320f142a48001000568cb83cb20"),
			OrderShown,
		},
		"x265": {media.CodecH265, hevcConfig(t), OrderShown},
	} {
		p, err := Parse(c.codec, c.config, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := p.Order(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if o := (&Params{Codec: media.CodecAV1}).Order(); o != OrderShown {
		t.Errorf("AV1: %d", o)
	}
	if o := h264Order([]byte{0x67, 0x64}); o != OrderUnknown {
		t.Errorf("a broken SPS: %d", o)
	}
}
