//go:build libav && cgo

package av

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
)

// transcribe puts a frame into an encoder, or with nil takes out what is left, and lends
// each packet that comes out.
func transcribe(x *astiav.CodecContext, f *astiav.Frame, p *astiav.Packet, codec media.Codec, each func() error) error {
	if err := x.SendFrame(f); err != nil && !errors.Is(err, astiav.ErrEof) {
		return fmt.Errorf("encoding %s: %w", codec, err)
	}
	for {
		err := x.ReceivePacket(p)
		switch {
		case errors.Is(err, astiav.ErrEagain), errors.Is(err, astiav.ErrEof):
			return nil
		case err != nil:
			return fmt.Errorf("encoding %s: %w", codec, err)
		}
		err = each()
		p.Unref()
		if err != nil {
			return err
		}
	}
}
