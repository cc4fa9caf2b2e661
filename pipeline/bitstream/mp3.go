package bitstream

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"

	"weir/pipeline/media"
)

// parseMP3 makes the configuration of a codec that has none: everything is in
// each frame, see [FromSets].
func parseMP3([]byte, Limits) (*Params, error) {
	return &Params{Codec: media.CodecMP3, name: "mp4a.40.34"}, nil
}

// mp3FromSets describes a track after its first frame.
func mp3FromSets(frames [][]byte, l Limits) (*Params, error) {
	if len(frames) == 0 {
		return nil, malformed("MP3: no frame")
	}
	h, err := mp3Header(frames[0])
	if err != nil {
		return nil, err
	}
	channels := 2
	if h.ChannelMode == mpeg1audio.ChannelModeMono {
		channels = 1
	}
	if err := l.audio(channels, h.SampleRate); err != nil {
		return nil, err
	}
	p, err := parseMP3(nil, l)
	if err != nil {
		return nil, err
	}
	p.Channels, p.Rate, p.FrameSamples = channels, media.Rate(h.SampleRate), h.SampleCount()
	return p, nil
}

func mp3Samples(frame []byte) (int, error) {
	h, err := mp3Header(frame)
	if err != nil {
		return 0, err
	}
	return h.SampleCount(), nil
}

func mp3Header(frame []byte) (mpeg1audio.FrameHeader, error) {
	var h mpeg1audio.FrameHeader
	if err := h.Unmarshal(frame); err != nil {
		return h, malformed("MP3 frame: %v", err)
	}
	if h.Layer != 3 {
		return h, unsupported("the audio is MPEG layer %d: choose AAC in the encoder", h.Layer)
	}
	return h, nil
}
