// Package mp4 has what tests have in common that read the MP4 files of ffmpeg.
package mp4

import (
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// preSkip is that of libopus, in samples.
const preSkip = 312

// Params are the parameters of a track.
func Params(t testing.TB, codec codecs.Codec) *bitstream.Params {
	t.Helper()
	var p *bitstream.Params
	var err error
	switch c := codec.(type) {
	case *codecs.H264:
		p, err = bitstream.FromSets(media.CodecH264, [][]byte{c.SPS, c.PPS}, bitstream.Limits{})
	case *codecs.H265:
		p, err = bitstream.FromSets(media.CodecH265, [][]byte{c.VPS, c.SPS, c.PPS}, bitstream.Limits{})
	case *codecs.AV1:
		p, err = bitstream.FromSets(media.CodecAV1, [][]byte{c.SequenceHeader}, bitstream.Limits{})
	case *codecs.Opus:
		p, err = bitstream.Parse(media.CodecOpus, bitstream.OpusHead(c.ChannelCount, preSkip), bitstream.Limits{})
	case *codecs.MPEG4Audio:
		var config []byte
		if config, err = c.Config.Marshal(); err == nil {
			p, err = bitstream.Parse(media.CodecAAC, config, bitstream.Limits{})
		}
	default:
		t.Fatalf("codec %T", codec)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}
