//go:build libav && cgo

package av

import (
	"slices"

	"github.com/asticode/go-astiav"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// decoders are libav's names of the decoders of a codec, the preferred one first.
func decoders(c media.Codec) []string {
	switch c {
	case media.CodecH264:
		return []string{"h264"}
	case media.CodecH265:
		return []string{"hevc"}
	case media.CodecAV1:
		return []string{"libdav1d"}
	case media.CodecVP8:
		return []string{"vp8"}
	case media.CodecVP9:
		return []string{"vp9"}
	case media.CodecAAC:
		return []string{"aac"}
	case media.CodecOpus:
		return []string{"libopus", "opus"}
	case media.CodecMP3:
		return []string{"mp3float"}
	default:
		return nil
	}
}

// encoders are libav's names of the software encoders of a codec.
func encoders(c media.Codec) []string {
	switch c {
	case media.CodecH264:
		return []string{"libx264"}
	case media.CodecAV1:
		return []string{"libsvtav1", "libaom-av1"}
	case media.CodecVP8:
		return []string{"libvpx"}
	case media.CodecVP9:
		return []string{"libvpx-vp9"}
	case media.CodecAAC:
		return []string{"aac"}
	case media.CodecOpus:
		return []string{"libopus"}
	default:
		return nil
	}
}

// hardwareEncoder is libav's name of a codec's encoder on a kind of hardware, or "".
func hardwareEncoder(c media.Codec, kind string) string {
	if c == media.CodecH264 && (kind == nvenc || kind == vaapi) {
		return "h264_" + kind
	}
	return ""
}

func findDecoder(c media.Codec) *astiav.Codec {
	for _, name := range decoders(c) {
		if found := astiav.FindDecoderByName(name); found != nil {
			return found
		}
	}
	return nil
}

func findEncoder(c media.Codec) *astiav.Codec {
	for _, name := range encoders(c) {
		if found := astiav.FindEncoderByName(name); found != nil {
			return found
		}
	}
	return nil
}

// framed says whether a unit of several pieces is more than their bytes.
func framed(c media.Codec) bool {
	switch c {
	case media.CodecH264, media.CodecH265, media.CodecAV1:
		return true
	default:
		return false
	}
}

// isSet says whether a piece of a unit is, or by damage looks like, a parameter set. Units
// hold none (package media), and a decoder would not forget it.
func isSet(c media.Codec, piece []byte) bool {
	switch c {
	case media.CodecH264: // ITU-T H.264 table 7-1
		typ := piece[0] & 0x1F
		return typ == 7 || typ == 8 || typ == 13 || typ == 15
	case media.CodecH265: // ITU-T H.265 table 7-1
		typ := piece[0] >> 1 & 0x3F
		return typ >= 32 && typ <= 34
	default:
		return false
	}
}

// hidesPictures says whether a unit may be one that is never shown.
func hidesPictures(c media.Codec) bool { return c == media.CodecVP8 }

// extradata is a track's configuration as its decoder wants it.
func extradata(c media.Codec, config []byte) []byte {
	switch c {
	case media.CodecVP9:
		return nil // all of it stands in key frames
	case media.CodecOpus:
		if len(config) < 19 {
			return nil
		}
		// No pre-skip: the decoder would take it off each time it is opened, in the
		// middle of a stream too.
		head := slices.Clone(config)
		head[10], head[11] = 0, 0
		return head
	default:
		return config
	}
}

// configuration is what media.Track.Config is for a video encoder that has said
// extra, its extradata; nil where the codec has none.
func configuration(c media.Codec, extra []byte) (*bitstream.Params, error) {
	switch c {
	case media.CodecH264, media.CodecH265:
		sets, err := bitstream.SplitAnnexB(extra)
		if err != nil {
			return nil, err
		}
		return bitstream.FromSets(c, sets, bitstream.Limits{MaxWidth: maxSide, MaxHeight: maxSide})
	case media.CodecAV1:
		if len(extra) > 4 && extra[0] == 0x81 { // av1C
			return bitstream.Parse(c, extra, bitstream.Limits{MaxWidth: maxSide, MaxHeight: maxSide})
		}
		obus, err := bitstream.SplitOBUs(extra)
		if err != nil {
			return nil, err
		}
		return bitstream.FromSets(c, obus, bitstream.Limits{MaxWidth: maxSide, MaxHeight: maxSide})
	default:
		return nil, nil
	}
}

// soundConfiguration is what media.Track.Config is for a sound encoder that has said
// extra and delays by padding.
func soundConfiguration(c media.Codec, extra []byte, channels int, padding media.Ticks) []byte {
	if c == media.CodecOpus {
		return bitstream.OpusHead(channels, int(padding))
	}
	return extra
}

// normal takes a packet of an encoder apart.
func normal(c media.Codec, p *bitstream.Params, data []byte) ([][]byte, error) {
	switch c {
	case media.CodecH264, media.CodecH265:
		nals, err := bitstream.SplitAnnexB(data)
		if err != nil {
			return nil, err
		}
		au, err := p.Normal(nals)
		return au.Access, err
	case media.CodecAV1:
		au, err := p.Split(data)
		return au.Access, err
	default:
		return [][]byte{data}, nil
	}
}
