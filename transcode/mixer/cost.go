package mixer

import (
	"weir/pipeline/media"
	"weir/transcode/rendition"
)

// composing is what putting scaled inputs together takes, in cores for a million pixels
// of the canvas a second, measured like what package rendition assumes.
const composing = 0.00005

// cores estimates what the work takes with as many inputs as are declared, or with those
// who are there if they are more. Of those who are not there it is assumed that they
// send what fills the canvas.
func (c *Config) cores(people []*participant, inputs int) float64 {
	canvas := media.Layer{Width: c.Size.Width, Height: c.Size.Height, FPS: c.FPS}
	sum := composing*rendition.MegapixelRate(canvas.Width, canvas.Height, canvas.FPS) +
		c.Encoding(canvas, c.Layers) + rendition.PerSound
	for _, p := range people {
		if p.video != nil {
			given := rendition.Assumed(p.video.given.Layers[0])
			sum += rendition.Decoding(given) + rendition.Scaling(given)
		}
		sum += rendition.PerSound / 2 * float64(len(p.audio))
	}
	for range inputs - len(people) {
		sum += rendition.Decoding(canvas) + rendition.Scaling(canvas) + rendition.PerSound/2
	}
	return sum
}
