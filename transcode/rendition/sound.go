package rendition

import (
	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Sound is how an audio track is coded.
type Sound struct {
	// Codec is "opus" or "aac".
	Codec string `yaml:"codec" json:"codec" enum:"opus,aac" doc:"What the sound is coded as."`
	// Bitrate is that of each track; 0 leaves it to the encoder.
	Bitrate pipeline.Bitrate `yaml:"bitrate" json:"bitrate" doc:"The bitrate of each track; 0 is what suits the codec."`
	// Channels is 1 or 2; 0 is what comes, but no more than 2.
	Channels int `yaml:"channels" json:"channels" doc:"1 or 2 channels; 0 is what comes, but no more than 2."`
}

// The range of bitrates that both encoders take.
const (
	minBitrate = 16e3
	maxBitrate = 512e3
)

// Problems is everything that is wrong. Under is what leads to the struct: "audio.".
func (s *Sound) Problems(under string) (errs []error) {
	if s.MediaCodec() == 0 {
		errs = append(errs, pipeline.Fieldf(under+"codec", "%q is neither opus nor aac", s.Codec))
	}
	if s.Bitrate != 0 && (s.Bitrate < minBitrate || s.Bitrate > maxBitrate) {
		errs = append(errs, pipeline.Fieldf(under+"bitrate", "%v is not between 16k and 512k", s.Bitrate).WithHint("try 128k"))
	}
	if s.Channels < 0 || s.Channels > 2 {
		errs = append(errs, pipeline.Fieldf(under+"channels", "%d is neither 1 nor 2", s.Channels))
	}
	return errs
}

// MediaCodec is 0 if there is no such codec.
func (s *Sound) MediaCodec() media.Codec {
	switch s.Codec {
	case "opus":
		return media.CodecOpus
	case "aac":
		return media.CodecAAC
	default:
		return 0
	}
}

// Audio is the part of a job that makes it.
func (s *Sound) Audio() *wire.Audio {
	return &wire.Audio{Codec: wire.Codec(s.MediaCodec()), Bitrate: int64(s.Bitrate), Channels: s.Channels}
}
