//go:build libav && cgo

package av

// #include "canvas.h"
import "C"

import (
	"errors"
	"math"

	"github.com/asticode/go-astiav"
)

// colour is one of 8 bit 4:2:0 pictures, in the limited range of BT.601.
type colour [3]uint8

func colourOf(rgb [3]uint8) colour {
	r, g, b := float64(rgb[0])/255, float64(rgb[1])/255, float64(rgb[2])/255
	return colour{
		uint8(math.Round(16 + 65.481*r + 128.553*g + 24.966*b)),
		uint8(math.Round(128 - 37.797*r - 74.203*g + 112*b)),
		uint8(math.Round(128 + 112*r - 93.786*g - 18.214*b)),
	}
}

// area is a rectangle of pixels, at an even place and of an even size.
type area struct{ x, y, width, height int }

// areaOf is the rectangle of those parts of a canvas. Rectangles that touch do so in
// pixels.
func areaOf(x, y, width, height float64, canvasWidth, canvasHeight int) area {
	left, top := evenly(x*float64(canvasWidth)), evenly(y*float64(canvasHeight))
	return area{
		x: left, y: top,
		width: evenly((x+width)*float64(canvasWidth)) - left, height: evenly((y+height)*float64(canvasHeight)) - top,
	}
}

// evenly is the even number that is nearest.
func evenly(v float64) int { return 2 * int(math.Round(v/2)) }

func (a area) empty() bool { return a.width <= 0 || a.height <= 0 }

// inset is a without a border of n pixels, or empty.
func (a area) inset(n int) area {
	return area{x: a.x + n, y: a.y + n, width: a.width - 2*n, height: a.height - 2*n}
}

// fit is the largest area of that shape in the middle of a.
func (a area) fit(shape float64) area {
	width, height := a.width, a.height
	if float64(a.width) > shape*float64(a.height) {
		width = min(a.width, max(2, evenly(shape*float64(a.height))))
	} else {
		height = min(a.height, max(2, evenly(float64(a.width)/shape)))
	}
	return area{x: a.x + (a.width-width)/4*2, y: a.y + (a.height-height)/4*2, width: width, height: height}
}

// opaque is a whole opacity as the functions of canvas.h have it.
const opaque = 256

func opacityOf(v float64) int { return int(math.Round(v * opaque)) }

func fill(f *astiav.Frame, a area, c colour, opacity int) {
	if !a.empty() && opacity > 0 {
		C.weir_fill(f.UnsafePointer(), C.int(a.x), C.int(a.y), C.int(a.width), C.int(a.height), (*C.uint8_t)(&c[0]), C.int(opacity))
	}
}

// frameIn fills the border of that many pixels within a.
func frameIn(f *astiav.Frame, a area, border int, c colour, opacity int) {
	fill(f, area{a.x, a.y, a.width, border}, c, opacity)
	fill(f, area{a.x, a.y + a.height - border, a.width, border}, c, opacity)
	fill(f, area{a.x, a.y + border, border, a.height - 2*border}, c, opacity)
	fill(f, area{a.x + a.width - border, a.y + border, border, a.height - 2*border}, c, opacity)
}

func blit(f, from *astiav.Frame, x, y, opacity int) {
	if opacity > 0 {
		C.weir_blit(f.UnsafePointer(), from.UnsafePointer(), C.int(x), C.int(y), C.int(opacity))
	}
}

func lay(f, sprite *astiav.Frame, x, y, opacity int) {
	if opacity > 0 {
		C.weir_lay(f.UnsafePointer(), sprite.UnsafePointer(), C.int(x), C.int(y), C.int(opacity))
	}
}

// premultiply fills f, an RGBA picture, with pixels that are as many.
func premultiply(f *astiav.Frame, pixels []byte) {
	C.weir_premultiply(f.UnsafePointer(), (*C.uint8_t)(&pixels[0]))
}

// part is a reference to an area of f, which the caller must free.
func part(f *astiav.Frame, a area) (*astiav.Frame, error) {
	c, err := clone(f)
	if err != nil {
		return nil, err
	}
	if C.weir_crop(c.UnsafePointer(), C.int(a.x), C.int(a.y), C.int(a.width), C.int(a.height)) < 0 {
		c.Free()
		return nil, errors.New("a picture cannot be cropped")
	}
	return c, nil
}
