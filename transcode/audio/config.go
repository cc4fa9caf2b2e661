package audio

import (
	"errors"
	"slices"

	"weir/pipeline/media"
	"weir/transcode/rendition"
)

// Config is the configuration of transcode/audio.
type Config struct {
	rendition.Sound

	// only lists the codecs that are converted, for a stage that was inserted; nil is
	// all but Codec.
	only []media.Codec
}

func defaults() Config { return Config{Sound: rendition.Sound{Codec: "opus"}} }

// inserted is the configuration of a stage that converts certain codecs.
func inserted(codec string) func(of []media.Codec) any {
	return func(of []media.Codec) any { return &Config{Sound: rendition.Sound{Codec: codec}, only: of} }
}

// Validate reports everything that is wrong.
func (c *Config) Validate() error { return errors.Join(c.Problems("")...) }

// converts says whether tracks of codec m are coded anew.
func (c *Config) converts(m media.Codec) bool {
	if c.only != nil {
		return slices.Contains(c.only, m)
	}
	return m.Kind() == media.KindAudio && m != c.MediaCodec()
}
