package rendition

import "weir/pipeline/media"

// What libav takes on one thread, in cores for a million pixels a second, of noisy 720p
// with libx264 and veryfast. BenchmarkCost of transcode/internal/av measures it:
// make bench-transcode.
const (
	decoding = 0.0022
	scaling  = 0.0006 // of the picture that is scaled down
	encoding = 0.011
	// perLayer is what a layer takes however small it is.
	perLayer = 0.02
)

// PerSound is what decoding, resampling and encoding a stereo track takes, in cores.
const PerSound = 0.03

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

// Assumed is a picture as large and as fast as it says, or as most are.
func Assumed(s media.Layer) media.Layer {
	if s.Width == 0 || s.Height == 0 {
		s.Width, s.Height = assumedWidth, assumedHeight
	}
	if s.FPS == 0 {
		s.FPS = assumedFPS
	}
	return s
}

// Decoding estimates what it takes to decode a picture, in cores.
func Decoding(s media.Layer) float64 { return decoding * MegapixelRate(s.Width, s.Height, s.FPS) }

// Scaling estimates what it takes to scale a picture down once, in cores.
func Scaling(s media.Layer) float64 { return scaling * MegapixelRate(s.Width, s.Height, s.FPS) }

// Encoding estimates what it takes to make layers of a picture, in cores.
func (c *Coding) Encoding(s media.Layer, layers []Layer) float64 {
	sum := 0.0
	for _, l := range layers {
		w, h := l.Size(s.Width, s.Height)
		fps := s.FPS
		if l.FPS != 0 {
			fps = min(fps, l.FPS)
		}
		sum += perLayer + effort(c.Preset)*encoding*MegapixelRate(w, h, fps)
	}
	return sum
}

// MegapixelRate is in million pixels a second.
func MegapixelRate(width, height int, fps float64) float64 {
	return float64(width) * float64(height) * fps / 1e6
}
