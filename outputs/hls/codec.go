package hls

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

var errCodec = errors.New("the container cannot carry the codec")

// newElementary prepares a track's layer for a transport stream.
func newElementary(t *media.Track, layer int8) (*elementary, error) {
	e := &elementary{track: &mpegts.Track{}}
	switch t.Codec {
	case media.CodecH264:
		e.track.Codec = &tscodecs.H264{}
		e.write = func(w *mpegts.Writer, e *elementary, pts, dts int64, access [][]byte) error {
			return w.WriteH264(e.track, pts, dts, access)
		}
	case media.CodecH265:
		e.track.Codec = &tscodecs.H265{}
		e.write = func(w *mpegts.Writer, e *elementary, pts, dts int64, access [][]byte) error {
			return w.WriteH265(e.track, pts, dts, access)
		}
	case media.CodecAAC:
		codec := &tscodecs.MPEG4Audio{}
		if err := codec.Unmarshal(t.Config); err != nil {
			return nil, fmt.Errorf("track %s: %w", t.ID, err)
		}
		e.track.Codec = codec
		e.write = func(w *mpegts.Writer, e *elementary, pts, _ int64, access [][]byte) error {
			return w.WriteMPEG4Audio(e.track, pts, access)
		}
	case media.CodecOpus:
		if t.Channels < 1 || t.Channels > 2 {
			return nil, fmt.Errorf("track %s: Opus with %d channels", t.ID, t.Channels)
		}
		e.track.Codec = &tscodecs.Opus{Desc: &substructs.OpusAudioDescriptor{ChannelConfigCode: uint8(t.Channels)}}
		e.write = func(w *mpegts.Writer, e *elementary, pts, _ int64, access [][]byte) error {
			return w.WriteOpus(e.track, pts, access)
		}
	case media.CodecAV1, media.CodecVP8, media.CodecVP9, media.CodecMP3:
		return nil, fmt.Errorf("track %s: %w %v", t.ID, errCodec, t.Codec)
	default:
		return nil, fmt.Errorf("track %s: %w", t.ID, errCodec)
	}
	if t.Kind() == media.KindVideo {
		var err error
		if e.sets, err = bitstream.ParameterSets(t.Codec, t.LayerConfig(layer)); err != nil {
			return nil, fmt.Errorf("track %s: %w", t.ID, err)
		}
	}
	return e, nil
}

// silence is a coded frame without sound, or nil where we know none: for profiles of
// AAC other than LC and for more than two channels.
func silence(t *media.Track) []byte {
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
