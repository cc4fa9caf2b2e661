//go:build libav && cgo

package av

// #cgo pkg-config: libavcodec libavutil
// #include <libavcodec/avcodec.h>
//
// static int weir_initial_padding(const void *c) { return ((const AVCodecContext *)c)->initial_padding; }
import "C"

import (
	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
)

// initialPadding is how many samples later than it went in sound comes out of what an
// encoder makes.
func initialPadding(c *astiav.CodecContext) media.Ticks {
	return media.Ticks(C.weir_initial_padding(c.UnsafePointer()))
}
