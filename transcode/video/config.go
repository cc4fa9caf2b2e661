package video

import (
	"errors"
	"fmt"
	"slices"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/rendition"
	"weir/transcode/wire"
)

// Config is the configuration of transcode/video.
type Config struct {
	rendition.Coding

	// Layers are the renditions, from the best to the least.
	Layers []Layer `yaml:"layers" json:"layers" doc:"The renditions, from the best to the least."`
	// Overlays are laid over all layers but the source.
	Overlays []Overlay `yaml:"overlays" json:"overlays" doc:"Pictures and texts over the pictures of all layers but the source; later ones are nearer."`
	// Title is what {title} stands for; "" is the pipeline's path.
	Title string `yaml:"title" json:"title" doc:"What {title} stands for in overlays; the pipeline's path if it is left out."`

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
	rendition.Layer

	// Source makes the layer the incoming stream; nothing else may be set then.
	Source bool `yaml:"source" json:"source" doc:"The layer is the incoming stream, without any coding."`
}

func defaults() Config {
	return Config{Coding: rendition.DefaultCoding(), Layers: []Layer{
		{Layer: rendition.Layer{Name: "hd"}, Source: true},
		{Layer: rendition.Layer{Name: "sd", Height: 480, Bitrate: 900e3}},
	}}
}

// inserted is the configuration of a stage that makes one layer like the source.
func inserted(p purpose) func(of []media.Codec) any {
	return func(of []media.Codec) any {
		c := &Config{Coding: rendition.DefaultCoding(), Layers: []Layer{{}}, convert: p, only: of}
		c.KeyframeEvery = 0
		return c
	}
}

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	all := make([]rendition.Layer, len(c.Layers))
	for i, l := range c.Layers {
		all[i] = l.Layer
	}
	return errors.Join(slices.Concat(c.Problems(), rendition.LayerProblems(all), c.sourceProblems(), c.overlayProblems())...)
}

func (c *Config) sourceProblems() (errs []error) {
	sources := 0
	for i, l := range c.Layers {
		if !l.Source {
			continue
		}
		sources++
		if l.Layer != (rendition.Layer{Name: l.Name}) {
			errs = append(errs, pipeline.Fieldf(fmt.Sprintf("layers[%d].source", i), "the incoming stream is as it comes: its size, rate and bitrate cannot be set"))
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

// Forecast implements [pipeline.Forecaster].
func (c *Config) Forecast() pipeline.Forecast {
	f := pipeline.Forecast{Codec: media.CodecH264}
	for _, l := range c.Layers {
		f.Layers = append(f.Layers, l.Forecast())
	}
	if c.source() < 0 {
		f.Keyframes = c.KeyframeEvery
	}
	return f
}

// source is the place of the layer that is the source, or -1.
func (c *Config) source() int8 {
	return int8(slices.IndexFunc(c.Layers, func(l Layer) bool { return l.Source }))
}

// coded are all layers but the source.
func (c *Config) coded() (layers []rendition.Layer) {
	for _, l := range c.Layers {
		if !l.Source {
			layers = append(layers, l.Layer)
		}
	}
	return layers
}

// job is what the worker makes: all layers but the source.
func (c *Config) job() *wire.Video {
	v := c.Video(c.coded())
	v.KeepSize = c.convert != declared
	if c.source() >= 0 {
		v.KeyframeEveryMillis = 0
	}
	return v
}
