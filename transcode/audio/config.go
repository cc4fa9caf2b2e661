package audio

import (
	"errors"
	"slices"

	"weir/pipeline"
	"weir/pipeline/media"
)

// Config is the configuration of transcode/audio.
type Config struct {
	// Codec is "opus" or "aac".
	Codec string `yaml:"codec" json:"codec" enum:"opus,aac" doc:"What the sound is coded as."`
	// Bitrate is that of each track; 0 leaves it to the encoder.
	Bitrate pipeline.Bitrate `yaml:"bitrate" json:"bitrate" doc:"The bitrate of each track; 0 is what suits the codec."`
	// Channels is 1 or 2; 0 is what comes, but no more than 2.
	Channels int `yaml:"channels" json:"channels" doc:"1 or 2 channels; 0 is what comes, but no more than 2."`

	// only lists the codecs that are converted, for a stage that was inserted; nil is
	// all but Codec.
	only []media.Codec
}

func defaults() Config { return Config{Codec: "opus"} }

// inserted is the configuration of a stage that converts certain codecs.
func inserted(codec string) func(of []media.Codec) any {
	return func(of []media.Codec) any { return &Config{Codec: codec, only: of} }
}

// The range of bitrates that both encoders take.
const (
	minBitrate = 16e3
	maxBitrate = 512e3
)

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	if c.codec() == 0 {
		errs = append(errs, pipeline.Fieldf("codec", "%q is neither opus nor aac", c.Codec))
	}
	if c.Bitrate != 0 && (c.Bitrate < minBitrate || c.Bitrate > maxBitrate) {
		errs = append(errs, pipeline.Fieldf("bitrate", "%v is not between 16k and 512k", c.Bitrate).WithHint("try 128k"))
	}
	if c.Channels < 0 || c.Channels > 2 {
		errs = append(errs, pipeline.Fieldf("channels", "%d is neither 1 nor 2", c.Channels))
	}
	return errors.Join(errs...)
}

// codec is 0 if there is no such codec.
func (c *Config) codec() media.Codec {
	switch c.Codec {
	case "opus":
		return media.CodecOpus
	case "aac":
		return media.CodecAAC
	default:
		return 0
	}
}

// converts says whether tracks of codec m are coded anew.
func (c *Config) converts(m media.Codec) bool {
	if c.only != nil {
		return slices.Contains(c.only, m)
	}
	return m.Kind() == media.KindAudio && m != c.codec()
}
