package mixer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/mixer/layout"
	"weir/transcode/rendition"
	"weir/transcode/wire"
)

// Config is the configuration of transcode/mixer.
type Config struct {
	Size       Size    `yaml:"size" json:"size" doc:"The size of the canvas in pixels, such as 1280x720."`
	FPS        float64 `yaml:"fps" json:"fps" doc:"The frames a second of the canvas."`
	Background string  `yaml:"background" json:"background" doc:"The colour where no picture is, as #rrggbb."`

	// Layout is a layout.Name or the name of one of Scenes.
	Layout string           `yaml:"layout" json:"layout" doc:"Where the inputs are shown: grid, speaker, side_by_side, picture_in_picture, auto by their number, or the name of a scene."`
	Scenes map[string]Scene `yaml:"scenes" json:"scenes" doc:"Layouts of your own, by name."`
	Fade   time.Duration    `yaml:"fade" json:"fade" doc:"How long the change from one picture of the canvas to another takes; 0 cuts."`

	Inputs    map[string]Input `yaml:"inputs" json:"inputs" doc:"What is special about inputs, by the name of the stage."`
	Normalize bool             `yaml:"normalize" json:"normalize" doc:"Whether all inputs are brought to the same loudness, slowly."`
	Latency   time.Duration    `yaml:"latency" json:"latency" doc:"How long the slowest input is waited for, at most."`

	rendition.Coding

	Layers []rendition.Layer `yaml:"layers" json:"layers" doc:"The renditions of the canvas, from the best to the least."`
	Audio  rendition.Sound   `yaml:"audio" json:"audio" doc:"How the mixed sound is coded."`
}

// Input is what is special about an input.
type Input struct {
	Gain  float64 `yaml:"gain" json:"gain" doc:"How much louder it is made, in dB; less than 0 is quieter."`
	Mute  bool    `yaml:"mute" json:"mute" doc:"Whether it is not to be heard."`
	Label string  `yaml:"label" json:"label" doc:"What is written in its picture; nothing if it is empty."`
}

func defaults() Config {
	return Config{
		Size: Size{1280, 720}, FPS: 30, Background: "#000000", Layout: string(layout.Auto), Fade: 300 * time.Millisecond,
		Latency: 300 * time.Millisecond, Coding: rendition.DefaultCoding(),
		Layers: []rendition.Layer{{Name: "hd"}}, Audio: rendition.Sound{Codec: "opus", Channels: 2},
	}
}

// The most of anything that a configuration may have.
const (
	mostScenes  = 64
	mostLabel   = 80 // bytes
	mostFade    = 5 * time.Second
	mostLatency = 5 * time.Second
	leastGain   = -60.0
	mostGain    = 18.0
)

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	errs := slices.Concat(c.canvasProblems(), c.layoutProblems(), c.Problems(), rendition.LayerProblems(c.Layers), c.Audio.Problems("audio."))
	if c.KeyframeEvery == 0 {
		errs = append(errs, pipeline.Fieldf("keyframe_every", "a canvas has no key frames of its own").WithHint("try 2s"))
	}
	if c.Latency < 0 || c.Latency > mostLatency {
		errs = append(errs, pipeline.Fieldf("latency", "%v is not between 0 and %v", c.Latency, mostLatency).WithHint("try 300ms"))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
		for _, err := range c.Inputs[name].problems() {
			errs = append(errs, pipeline.Fieldf("inputs."+name, "%w", err))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) canvasProblems() (errs []error) {
	if !c.Size.possible() {
		errs = append(errs, pipeline.Fieldf("size", "%v: width and height are even, and between %d and %d", c.Size, leastSide, mostSide).
			WithHint("try 1280x720"))
	}
	if !(c.FPS >= 1 && c.FPS <= 60) {
		errs = append(errs, pipeline.Fieldf("fps", "%g is not between 1 and 60", c.FPS))
	}
	return append(errs, colourProblem("background", c.Background)...)
}

func colourProblem(field, colour string) []error {
	if _, err := wire.RGB(colour); err != nil {
		return []error{pipeline.Fieldf(field, "%q is no colour", colour).WithHint("write #rrggbb, as #202830")}
	}
	return nil
}

func (c *Config) layoutProblems() (errs []error) {
	if c.Fade < 0 || c.Fade > mostFade {
		errs = append(errs, pipeline.Fieldf("fade", "%v is not between 0 and %v", c.Fade, mostFade).WithHint("try 300ms"))
	}
	if len(c.Scenes) > mostScenes {
		errs = append(errs, pipeline.Fieldf("scenes", "%d scenes are more than %d", len(c.Scenes), mostScenes))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Scenes)) {
		errs = append(errs, c.Scenes[name].problems(name)...)
	}
	if !slices.Contains(c.layouts(), c.Layout) {
		hint := "the layouts are " + strings.Join(c.layouts(), ", ")
		if near := pipeline.Nearest(c.Layout, c.layouts()); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		errs = append(errs, pipeline.Fieldf("layout", "%q is neither a layout nor a scene", c.Layout).WithHint(hint))
	}
	return errs
}

// layouts are all that Layout may be.
func (c *Config) layouts() (all []string) {
	for _, name := range layout.Names() {
		all = append(all, string(name))
	}
	return append(all, slices.Sorted(maps.Keys(c.Scenes))...)
}

func (in Input) problems() (errs []error) {
	if !(in.Gain >= leastGain && in.Gain <= mostGain) {
		errs = append(errs, pipeline.Fieldf("gain", "%g dB is not between %g and %g", in.Gain, leastGain, mostGain))
	}
	return append(errs, labelProblem("label", in.Label)...)
}

func labelProblem(field, label string) []error {
	if len(label) > mostLabel {
		return []error{pipeline.Fieldf(field, "a label of %d bytes is longer than %d", len(label), mostLabel)}
	}
	return nil
}

// job is what the worker does, from its start to its end.
func (c *Config) job(name string) wire.Job {
	return wire.Job{
		Version: wire.Version, Stage: name,
		Mix: &wire.Mix{
			Width: c.Size.Width, Height: c.Size.Height, FPS: c.FPS, Background: c.Background,
			LatencyMillis: c.Latency.Milliseconds(), Normalize: c.Normalize,
		},
		Video: c.Video(c.Layers), Audio: c.Audio.Audio(),
	}
}

// Forecast implements [pipeline.Forecaster].
func (c *Config) Forecast() pipeline.Forecast {
	f := pipeline.Forecast{Codec: media.CodecH264, Keyframes: c.KeyframeEvery}
	for _, l := range c.Layers {
		layer := l.Forecast()
		layer.Width, layer.Height = l.Size(c.Size.Width, c.Size.Height)
		if layer.FPS == 0 {
			layer.FPS = c.FPS
		}
		f.Layers = append(f.Layers, layer)
	}
	return f
}
