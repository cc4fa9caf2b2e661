//go:build libav && cgo

package av

// #include <libavutil/frame.h>
//
// static int weir_transfer(const void *f) { return ((const AVFrame *)f)->color_trc; }
import "C"

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// refuseHDR says in words that a picture has more than the standard dynamic range. What
// is made of pictures is not: coded as if it were, they would be pale and dark.
func refuseHDR(f *astiav.Frame) error {
	var curve string
	switch astiav.ColorTransferCharacteristic(C.weir_transfer(f.UnsafePointer())) {
	case astiav.ColorTransferCharacteristicSmpte2084:
		curve = "PQ"
	case astiav.ColorTransferCharacteristicAribStdB67:
		curve = "HLG"
	default:
		return nil
	}
	return fmt.Errorf("the source is HDR (%s), which cannot be coded anew: let the encoder send SDR (BT.709), or let the stream pass as it is", curve)
}
