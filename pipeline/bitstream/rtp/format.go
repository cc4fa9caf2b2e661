package rtp

import (
	"fmt"
	"slices"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// Codecs lists the codecs that have a payload format here. AAC and MP3 are not
// among them, since no browser takes them by RTP.
func Codecs() []media.Codec {
	return []media.Codec{
		media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecVP8, media.CodecVP9, media.CodecOpus,
	}
}

// Supports says whether c is one of [Codecs].
func Supports(c media.Codec) bool { return slices.Contains(Codecs(), c) }

// format is what a payload format can do. Which codec has which is said in
// formatOf and nowhere else.
type format struct {
	// pack lays an access unit into payloads.
	pack func(w *writer, access [][]byte, flags media.Flags)
	// unpack adds a payload, which is not empty, to the picture at hand.
	unpack func(a *assembly, payload []byte) error
	// peek reads what a payload, which is not empty, tells of its picture.
	peek func(payload []byte) Mark
	// picture describes a frame, if it is a key frame, for codecs whose configuration
	// stands nowhere else; nil for the others.
	picture func(frame []byte, l bitstream.Limits) (*bitstream.Params, error)
}

func formatOf(c media.Codec) (format, error) {
	switch c {
	case media.CodecH264:
		return format{pack: packH264, unpack: unpackH264, peek: peekH264}, nil
	case media.CodecH265:
		return format{pack: packH265, unpack: unpackH265, peek: peekH265}, nil
	case media.CodecAV1:
		return format{pack: packAV1, unpack: unpackAV1, peek: peekAV1}, nil
	case media.CodecVP8:
		return format{pack: packVP8, unpack: unpackVP8, peek: peekVP8, picture: vp8Picture}, nil
	case media.CodecVP9:
		return format{pack: packVP9, unpack: unpackVP9, peek: peekVP9, picture: vp9Picture}, nil
	case media.CodecOpus:
		return format{pack: packOpus, unpack: unpackOpus, peek: peekOpus}, nil
	default:
		return format{}, &bitstream.UnsupportedError{What: fmt.Sprintf("%v has no RTP payload format here", c)}
	}
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w RTP payload: %s", bitstream.ErrMalformed, fmt.Sprintf(format, args...))
}
