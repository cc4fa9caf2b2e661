package test

import (
	"errors"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/rendition"
	"weir/transcode/wire"
)

// Config is the configuration of a test source.
type Config struct {
	Width  int     `yaml:"width" json:"width" doc:"The picture's width in pixels."`
	Height int     `yaml:"height" json:"height" doc:"The picture's height in pixels."`
	FPS    float64 `yaml:"fps" json:"fps" doc:"The frames a second."`
	// Bitrate is that of the picture; 0 is what suits its size.
	Bitrate       pipeline.Bitrate `yaml:"bitrate" json:"bitrate" doc:"The bitrate of the picture; 0 is what suits its size."`
	KeyframeEvery time.Duration    `yaml:"keyframe_every" json:"keyframe_every" doc:"The time between key frames."`
	// Audio is "opus", "aac" or "none".
	Audio string `yaml:"audio" json:"audio" enum:"opus,aac,none" doc:"What the sound is coded as, if there is any."`
}

func defaults() Config {
	return Config{Width: 1280, Height: 720, FPS: 30, KeyframeEvery: 2 * time.Second, Audio: "opus"}
}

// The bounds of the picture. In one that is smaller the bar code could not be read.
const (
	minWidth, minHeight = 160, 90
	maxWidth, maxHeight = 3840, 2160
)

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	if c.Width < minWidth || c.Width > maxWidth || c.Width%2 != 0 {
		errs = append(errs, pipeline.Fieldf("width", "%d is not even and between %d and %d", c.Width, minWidth, maxWidth))
	}
	if c.Height < minHeight || c.Height > maxHeight || c.Height%2 != 0 {
		errs = append(errs, pipeline.Fieldf("height", "%d is not even and between %d and %d", c.Height, minHeight, maxHeight))
	}
	if !(c.FPS >= 1 && c.FPS <= 120) {
		errs = append(errs, pipeline.Fieldf("fps", "%g is not between 1 and 120", c.FPS))
	}
	if c.Bitrate != 0 && (c.Bitrate < 50e3 || c.Bitrate > 100e6) {
		errs = append(errs, pipeline.Fieldf("bitrate", "%v is not between 50k and 100M", c.Bitrate))
	}
	if c.KeyframeEvery < 200*time.Millisecond || c.KeyframeEvery > 10*time.Second {
		errs = append(errs, pipeline.Fieldf("keyframe_every", "%v is not between 200ms and 10s", c.KeyframeEvery).WithHint("try 2s"))
	}
	if sound := c.sound(); c.Audio != "none" && sound.MediaCodec() == 0 {
		errs = append(errs, pipeline.Fieldf("audio", "%q is none of opus, aac and none", c.Audio))
	}
	return errors.Join(errs...)
}

// Forecast implements [pipeline.Forecaster].
func (c *Config) Forecast() pipeline.Forecast {
	return pipeline.Forecast{
		Codec: media.CodecH264, Keyframes: c.KeyframeEvery,
		Layers: []media.Layer{{Width: c.Width, Height: c.Height, FPS: c.FPS, Bitrate: int64(c.Bitrate)}},
	}
}

func (c *Config) sound() *rendition.Sound { return &rendition.Sound{Codec: c.Audio, Channels: 2} }

// coding and layer are how the picture is coded.
func (c *Config) coding() *rendition.Coding {
	k := rendition.DefaultCoding()
	k.KeyframeEvery = c.KeyframeEvery
	return &k
}

func (c *Config) layer() rendition.Layer {
	return rendition.Layer{Width: c.Width, Height: c.Height, Bitrate: c.Bitrate}
}

// job is what the worker makes.
func (c *Config) job(stage string, epoch time.Time) wire.Job {
	j := wire.Job{
		Version: wire.Version, Stage: stage,
		Test:  &wire.Test{Width: c.Width, Height: c.Height, FPS: c.FPS, Epoch: wire.Instant{Time: epoch}},
		Video: c.coding().Video([]rendition.Layer{c.layer()}),
	}
	if c.Audio != "none" {
		j.Audio = c.sound().Audio()
	}
	return j
}

// tracks is how many the worker makes.
func (c *Config) tracks() int {
	if c.Audio == "none" {
		return 1
	}
	return 2
}

// cores estimates what the worker takes.
func (c *Config) cores() float64 {
	picture := media.Layer{Width: c.Width, Height: c.Height, FPS: c.FPS}
	sum := c.coding().Encoding(picture, []rendition.Layer{c.layer()})
	if c.Audio != "none" {
		sum += rendition.PerSound
	}
	return sum
}
