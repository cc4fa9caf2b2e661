package rendition

import (
	"fmt"
	"regexp"

	"weir/pipeline"
	"weir/pipeline/media"
)

// Layer is one rendition of a picture.
type Layer struct {
	Name    string           `yaml:"name" json:"name" doc:"The layer's name in playlists and addresses."`
	Width   int              `yaml:"width" json:"width" doc:"The width in pixels; 0 goes by the height."`
	Height  int              `yaml:"height" json:"height" doc:"The height in pixels; 0 goes by the width, or is the source's."`
	FPS     float64          `yaml:"fps" json:"fps" doc:"The most frames a second; 0 is the source's."`
	Bitrate pipeline.Bitrate `yaml:"bitrate" json:"bitrate" doc:"The bitrate; 0 is what suits the size."`
}

// MostLayers is what one decode, or one canvas, is made into.
const MostLayers = 8

// LayerProblems is everything that is wrong with the field "layers".
func LayerProblems(layers []Layer) (errs []error) {
	if n := len(layers); n < 1 || n > MostLayers {
		errs = append(errs, pipeline.Fieldf("layers", "%d layers are not between 1 and %d", n, MostLayers))
	}
	named := regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	names := make(map[string]bool)
	for i, l := range layers {
		field := fmt.Sprintf("layers[%d].", i)
		if !named.MatchString(l.Name) {
			errs = append(errs, pipeline.Fieldf(field+"name", "%q is no name", l.Name).WithHint("write hd, sd or 720p"))
		}
		if names[l.Name] {
			errs = append(errs, pipeline.Fieldf(field+"name", "there are two layers called %q", l.Name))
		}
		names[l.Name] = true
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
	return errs
}

func odd(pixels int) bool { return pixels < 0 || pixels > 4096 || pixels%2 != 0 }

// Forecast is what l says of its pictures.
func (l Layer) Forecast() media.Layer {
	return media.Layer{Name: l.Name, Width: l.Width, Height: l.Height, FPS: l.FPS, Bitrate: int64(l.Bitrate)}
}

// Size is that of a layer of a picture, which is never enlarged.
func (l Layer) Size(width, height int) (w, h int) {
	w, h = l.Width, l.Height
	switch {
	case w == 0 && h == 0:
		return width, height
	case w == 0:
		w = h * width / height
	case h == 0:
		h = w * height / width
	}
	return min(w, width), min(h, height)
}
