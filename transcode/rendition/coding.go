package rendition

import (
	"slices"
	"strings"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Coding is how the pictures of all layers are coded. It is embedded in the
// configuration of a stage.
type Coding struct {
	// Codec is "h264".
	Codec string `yaml:"codec" json:"codec" enum:"h264" doc:"What the pictures are coded as."`
	// KeyframeEvery is the time between key frames; 0 is where the source has them.
	KeyframeEvery time.Duration `yaml:"keyframe_every" json:"keyframe_every" doc:"The time between key frames, the same on all layers; 0 is where the source has them, as it always is if a layer is the source."`
	// Preset is one of libx264's.
	Preset string `yaml:"preset" json:"preset" enum:"ultrafast,superfast,veryfast,faster,fast,medium" doc:"How much time encoding may take, in libx264's words."`
	// HW is "none", "auto", "nvenc" or "vaapi".
	HW string `yaml:"hw" json:"hw" enum:"none,auto,nvenc,vaapi" doc:"Which graphics card may encode: auto is any that works here. Where none does, the processor encodes, and the log says why."`
}

// DefaultCoding is what live pictures are coded like.
func DefaultCoding() Coding {
	return Coding{Codec: "h264", KeyframeEvery: 2 * time.Second, Preset: "veryfast", HW: "none"}
}

func presets() []string {
	return []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium"}
}

func hardware() []string { return []string{"none", "auto", "nvenc", "vaapi"} }

// Problems is everything that is wrong.
func (c *Coding) Problems() (errs []error) {
	if c.Codec != "h264" {
		errs = append(errs, pipeline.Fieldf("codec", "%q is not h264, and there is no other yet", c.Codec))
	}
	if c.KeyframeEvery != 0 && (c.KeyframeEvery < 200*time.Millisecond || c.KeyframeEvery > 10*time.Second) {
		errs = append(errs, pipeline.Fieldf("keyframe_every", "%v is not between 200ms and 10s", c.KeyframeEvery).WithHint("try 2s"))
	}
	if !slices.Contains(presets(), c.Preset) {
		errs = append(errs, pipeline.Fieldf("preset", "%q is none of %s", c.Preset, strings.Join(presets(), ", ")))
	}
	if !slices.Contains(hardware(), c.HW) {
		errs = append(errs, pipeline.Fieldf("hw", "%q is none of %s", c.HW, strings.Join(hardware(), ", ")))
	}
	return errs
}

// Video is the part of a job that makes layers.
func (c *Coding) Video(layers []Layer) *wire.Video {
	v := &wire.Video{
		Codec: wire.Codec(media.CodecH264), HW: c.HW, Preset: c.Preset,
		KeyframeEveryMillis: c.KeyframeEvery.Milliseconds(),
	}
	for _, l := range layers {
		v.Layers = append(v.Layers, wire.Layer{Name: l.Name, Width: l.Width, Height: l.Height, FPS: l.FPS, Bitrate: int64(l.Bitrate)})
	}
	return v
}
