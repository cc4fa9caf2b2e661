//go:build libav && cgo

package av

// #include <libavutil/avutil.h>
import "C"

import (
	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Capabilities is what this build can do. build is the release of Weir.
func Capabilities(build string) wire.Capabilities {
	c := wire.Capabilities{Protocol: wire.Version, Build: build, Libav: C.GoString(C.av_version_info())}
	astiav.SetLogLevel(astiav.LogLevelQuiet)
	c.HW = working()
	for _, m := range media.Codecs() {
		if findDecoder(m) != nil {
			c.Decoders = append(c.Decoders, wire.Codec(m))
		}
		if findEncoder(m) != nil {
			c.Encoders = append(c.Encoders, wire.Codec(m))
		}
	}
	return c
}
