package video

import (
	"weir/pipeline/media"
	"weir/transcode/rendition"
)

// Cores implements worker.Recipe.
func (r *recipe) Cores(tracks []*media.Track) float64 {
	sum := 0.0
	for _, t := range tracks {
		s := rendition.Assumed(t.Layers[0])
		sum += rendition.Decoding(s) + r.Encoding(s, r.coded())
	}
	return sum
}
