package flv

import (
	"encoding/hex"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// Configurations as encoders write them, 320×180 and stereo at 48 kHz.
const (
	avcConfig = "0164000dffe100186764000dacb302833f3e0220000003002000000781e2854d" +
		"01000668e97044b22cfdf8f800"
	av1Config  = "81000c000a0b000000043cfeccdaf90040"
	opusConfig = "4f707573486561640102380180bb0000000000"
	aacConfig  = "119056e500"
	hevcVPS    = "40010c01ffff01600000030090000003000003003c928090"
	hevcSPS    = "42010101600000030090000003000003003ca00a080b9f7964a924caf0168080000003008000000f0420"
	hevcPPS    = "4401c172b46240"
	// Baseline, 1280×720.
	otherSPS = "6742c028f402802dc8"
	// avcConfig with an SPS of 16384×16384.
	hugeAVC = "0142c028ffe1000b6742c028f400200001003201000468ce3c80"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func params(t testing.TB, c media.Codec) *bitstream.Params {
	t.Helper()
	var (
		p   *bitstream.Params
		err error
	)
	switch c {
	case media.CodecH264:
		p, err = bitstream.Parse(c, unhex(t, avcConfig), bitstream.Limits{})
	case media.CodecH265:
		sets := [][]byte{unhex(t, hevcVPS), unhex(t, hevcSPS), unhex(t, hevcPPS)}
		p, err = bitstream.FromSets(c, sets, bitstream.Limits{})
	case media.CodecAV1:
		p, err = bitstream.Parse(c, unhex(t, av1Config), bitstream.Limits{})
	case media.CodecAAC:
		p, err = bitstream.Parse(c, unhex(t, aacConfig), bitstream.Limits{})
	case media.CodecOpus:
		p, err = bitstream.Parse(c, unhex(t, opusConfig), bitstream.Limits{})
	default:
		p, err = bitstream.FromSets(c, [][]byte{{0xFF, 0xFB, 0x90, 0xC4, 0}}, bitstream.Limits{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}
