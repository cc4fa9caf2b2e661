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
