package bitstream

import "weir/pipeline/media"

// Silence is a coded frame without sound, or nil where we know none: for profiles of
// AAC other than LC and for more than two channels.
func Silence(t *media.Track) []byte {
	switch t.Codec {
	case media.CodecAAC:
		lc := len(t.Config) >= 2 && t.Config[0]>>3 == 2
		switch {
		case lc && t.Channels == 1:
			// One element with no spectral data, and the end.
			return []byte{0x00, 0xc8, 0x00, 0x80, 0x23, 0x80}
		case lc && t.Channels == 2:
			return []byte{0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80}
		}
	case media.CodecOpus:
		// A 20 ms full band CELT frame (RFC 6716 section 3.1): stereo or mono.
		switch t.Channels {
		case 1:
			return []byte{0xf8, 0xff, 0xfe}
		case 2:
			return []byte{0xfc, 0xff, 0xfe}
		}
	case media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecVP8, media.CodecVP9, media.CodecMP3:
	}
	return nil
}
