package video

import "weir/pipeline/media"

// What libav takes, in cores for a million pixels a second, measured with libx264 and
// veryfast on noisy 1080p30.
const (
	decoding = 0.0022
	encoding = 0.0085
	// perLayer is what a layer takes however small it is.
	perLayer = 0.02
)

// effort is what a preset takes beside veryfast.
func effort(preset string) float64 {
	switch preset {
	case "ultrafast":
		return 0.45
	case "superfast":
		return 0.7
	case "faster":
		return 1.4
	case "fast":
		return 1.8
	case "medium":
		return 2.3
	default:
		return 1
	}
}

// What is assumed of a source that does not say.
const (
	assumedWidth, assumedHeight = 1920, 1080
	assumedFPS                  = 30
)

// Cores implements worker.Recipe.
func (r *recipe) Cores(tracks []*media.Track) float64 {
	sum := 0.0
	for _, t := range tracks {
		s := t.Layers[0]
		if s.Width == 0 || s.Height == 0 {
			s.Width, s.Height = assumedWidth, assumedHeight
		}
		if s.FPS == 0 {
			s.FPS = assumedFPS
		}
		sum += decoding * rate(s.Width, s.Height, s.FPS)
		for _, l := range r.Layers {
			if l.Source {
				continue
			}
			w, h := size(l, s)
			fps := s.FPS
			if l.FPS != 0 {
				fps = min(fps, l.FPS)
			}
			sum += perLayer + effort(r.Preset)*encoding*rate(w, h, fps)
		}
	}
	return sum
}

// rate is in million pixels a second.
func rate(width, height int, fps float64) float64 {
	return float64(width) * float64(height) * fps / 1e6
}

// size is that of a layer, which is never larger than the source.
func size(l Layer, s media.Layer) (width, height int) {
	switch {
	case l.Width == 0 && l.Height == 0:
		return s.Width, s.Height
	case l.Width == 0:
		l.Width = l.Height * s.Width / s.Height
	case l.Height == 0:
		l.Height = l.Width * s.Height / s.Width
	}
	return min(l.Width, s.Width), min(l.Height, s.Height)
}
