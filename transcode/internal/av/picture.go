//go:build libav && cgo

package av

import (
	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
)

// picture is a reference to a decoded picture on its way to an encoder, whose it is
// to free.
type picture struct {
	frame *astiav.Frame
	stamp stamp
	key   bool // to be coded as a key unit
}

// shape is what two pictures must have in common to be handled by the same scaler.
type shape struct {
	width, height int
	format        astiav.PixelFormat
}

func shapeOf(f *astiav.Frame) shape {
	return shape{width: f.Width(), height: f.Height(), format: f.PixelFormat()}
}

// fits says whether an encoder of 8 bit 4:2:0 pictures takes the format as it is.
func (s shape) fits() bool {
	return s.format == astiav.PixelFormatYuv420P || s.format == astiav.PixelFormatYuvj420P
}

// even is n, or the nearest even number below it, but at least 2.
func even(n int) int { return max(2, n&^1) }

// within is the size that a layer has for a source of that size: never larger, in its
// shape if only one side is given.
func (s shape) within(width, height int) (w, h int) {
	switch {
	case width == 0 && height == 0:
		return even(s.width), even(s.height)
	case width == 0:
		height = min(height, s.height)
		return even((s.width*height + s.height/2) / s.height), even(height)
	case height == 0:
		width = min(width, s.width)
		return even(width), even((s.height*width + s.width/2) / s.width)
	case width > s.width && height > s.height:
		return even(s.width), even(s.height)
	default:
		return even(width), even(height)
	}
}

// pace thins pictures out to a frame rate. The zero pace lets all through.
type pace struct {
	fps  float64
	slot int64
}

// take says whether the picture at pts is one to be shown: the first in each period.
// Paces of rates that are multiples of one another take the same instants.
func (p *pace) take(pts media.Ticks) bool {
	if p.fps <= 0 {
		return true
	}
	const early = media.Ticks(media.VideoRate) / 200 // is on time, since timestamps jitter
	slot := int64(float64(pts+early)*p.fps/float64(media.VideoRate) + 1<<40)
	if slot == p.slot {
		return false
	}
	p.slot = slot
	return true
}
