//go:build libav && cgo

package av

// #cgo LDFLAGS: -lm
// #include "testcard.h"
import "C"

import "github.com/asticode/go-astiav"

// tone fills f, of floating-point samples, with the sound of the test card from that
// sample on.
func tone(f *astiav.Frame, first int64) {
	C.weir_tone(f.UnsafePointer(), C.int64_t(first))
}
