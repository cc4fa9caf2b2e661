package video

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Config is the configuration of transcode/video.
type Config struct {
	// Codec is "h264".
	Codec string `yaml:"codec" json:"codec" enum:"h264" doc:"What the pictures are coded as."`
	// Layers are the renditions, from the best to the least.
	Layers []Layer `yaml:"layers" json:"layers" doc:"The renditions, from the best to the least."`
	// KeyframeEvery is the time between key frames; 0 is where the source has them.
	KeyframeEvery time.Duration `yaml:"keyframe_every" json:"keyframe_every" doc:"The time between key frames, the same on all layers; 0 is where the source has them, as it always is if a layer is the source."`
	// Preset is one of libx264's.
	Preset string `yaml:"preset" json:"preset" enum:"ultrafast,superfast,veryfast,faster,fast,medium" doc:"How much time encoding may take, in libx264's words."`
	// HW is "none" or "auto".
	HW string `yaml:"hw" json:"hw" enum:"none,auto" doc:"Whether a graphics card may encode, where there is one that fits."`

	convert purpose
	only    []media.Codec // for h264
}

// purpose is what an inserted stage is for.
type purpose uint8

const (
	declared  purpose = iota // by the user
	nobframes                // what has B-frames is coded anew
	lacking                  // what is of the codecs in only is
)

// Layer is one rendition.
type Layer struct {
	Name string `yaml:"name" json:"name" doc:"The layer's name in playlists and addresses."`
	// Source makes the layer the incoming stream; nothing else may be set then.
	Source  bool             `yaml:"source" json:"source" doc:"The layer is the incoming stream, without any coding."`
	Width   int              `yaml:"width" json:"width" doc:"The width in pixels; 0 goes by the height."`
	Height  int              `yaml:"height" json:"height" doc:"The height in pixels; 0 goes by the width, or is the source's."`
	FPS     float64          `yaml:"fps" json:"fps" doc:"The most frames a second; 0 is the source's."`
	Bitrate pipeline.Bitrate `yaml:"bitrate" json:"bitrate" doc:"The bitrate; 0 is what suits the size."`
}

// mostLayers is what one decode is made into.
const mostLayers = 8

func defaults() Config {
	return Config{
		Codec: "h264", KeyframeEvery: 2 * time.Second, Preset: "veryfast", HW: "none",
		Layers: []Layer{{Name: "hd", Source: true}, {Name: "sd", Height: 480, Bitrate: 900e3}},
	}
}

// inserted is the configuration of a stage that makes one layer like the source.
func inserted(p purpose) func(of []media.Codec) any {
	return func(of []media.Codec) any {
		return &Config{Codec: "h264", Preset: "veryfast", HW: "none", Layers: []Layer{{}}, convert: p, only: of}
	}
}

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	if c.Codec != "h264" {
		errs = append(errs, pipeline.Fieldf("codec", "%q is not h264, and there is no other yet", c.Codec))
	}
	if c.KeyframeEvery != 0 && (c.KeyframeEvery < 200*time.Millisecond || c.KeyframeEvery > 10*time.Second) {
		errs = append(errs, pipeline.Fieldf("keyframe_every", "%v is not between 200ms and 10s", c.KeyframeEvery).WithHint("try 2s"))
	}
	if !slices.Contains(presets(), c.Preset) {
		errs = append(errs, pipeline.Fieldf("preset", "%q is none of %s", c.Preset, strings.Join(presets(), ", ")))
	}
	if c.HW != "none" && c.HW != "auto" {
		errs = append(errs, pipeline.Fieldf("hw", "%q is neither none nor auto", c.HW))
	}
	if n := len(c.Layers); n < 1 || n > mostLayers {
		errs = append(errs, pipeline.Fieldf("layers", "%d layers are not between 1 and %d", n, mostLayers))
	}
	return errors.Join(append(errs, c.validateLayers()...)...)
}

func presets() []string {
	return []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium"}
}

func (c *Config) validateLayers() (errs []error) {
	named := regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	names := make(map[string]bool)
	sources := 0
	for i, l := range c.Layers {
		field := fmt.Sprintf("layers[%d].", i)
		if c.convert == declared && !named.MatchString(l.Name) {
			errs = append(errs, pipeline.Fieldf(field+"name", "%q is no name", l.Name).WithHint("write hd, sd or 720p"))
		}
		if names[l.Name] {
			errs = append(errs, pipeline.Fieldf(field+"name", "there are two layers called %q", l.Name))
		}
		names[l.Name] = true
		if l.Source {
			sources++
			if l.Width != 0 || l.Height != 0 || l.FPS != 0 || l.Bitrate != 0 {
				errs = append(errs, pipeline.Fieldf(field+"source", "the incoming stream is as it comes: its size, rate and bitrate cannot be set"))
			}
		}
		if odd(l.Width) || odd(l.Height) {
			errs = append(errs, pipeline.Fieldf(field+"height", "%dx%d: sizes are even, and no larger than 4096", l.Width, l.Height))
		}
		if l.FPS != 0 && (l.FPS < 1 || l.FPS > 120) {
			errs = append(errs, pipeline.Fieldf(field+"fps", "%g is not between 1 and 120", l.FPS))
		}
		if l.Bitrate != 0 && (l.Bitrate < 50e3 || l.Bitrate > 100e6) {
			errs = append(errs, pipeline.Fieldf(field+"bitrate", "%v is not between 50k and 100M", l.Bitrate))
		}
	}
	switch {
	case sources > 1:
		errs = append(errs, pipeline.Fieldf("layers", "only one layer can be the source"))
	case sources == len(c.Layers) && sources > 0:
		errs = append(errs, pipeline.Fieldf("layers", "a layer that is the source needs no transcoding").
			WithHint("add another layer, or remove this stage"))
	}
	return errs
}

func odd(pixels int) bool { return pixels < 0 || pixels > 4096 || pixels%2 != 0 }

// source is the place of the layer that is the source, or -1.
func (c *Config) source() int8 {
	return int8(slices.IndexFunc(c.Layers, func(l Layer) bool { return l.Source }))
}

// job is what the worker makes: all layers but the source.
func (c *Config) job() *wire.Video {
	v := &wire.Video{
		Codec: wire.Codec(media.CodecH264), HW: c.HW, Preset: c.Preset, KeepSize: c.convert != declared,
		KeyframeEveryMillis: c.KeyframeEvery.Milliseconds(),
	}
	if c.source() >= 0 {
		v.KeyframeEveryMillis = 0
	}
	for _, l := range c.Layers {
		if !l.Source {
			v.Layers = append(v.Layers, wire.Layer{Name: l.Name, Width: l.Width, Height: l.Height, FPS: l.FPS, Bitrate: int64(l.Bitrate)})
		}
	}
	return v
}
