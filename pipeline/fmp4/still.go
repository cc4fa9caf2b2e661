package fmp4

import (
	"fmt"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// Still is a file that plays one picture: a key access unit of a video track.
func Still(u *media.Unit) ([]byte, error) {
	b, err := Init(Stream{Track: u.Track, Layer: u.Layer})
	if err != nil {
		return nil, err
	}
	head, payload := Head(1, Run{Number: 1, Shift: -u.DTS, Samples: []Sample{{Unit: u, Duration: Nominal(u)}}})
	b = append(b, head...)
	before := len(b)
	if b, err = bitstream.Append(b, u.Track.Codec, u.Access); err != nil {
		return nil, fmt.Errorf("join the picture: %w", err)
	}
	if len(b)-before != payload {
		return nil, fmt.Errorf("the picture has %d bytes and not %d", len(b)-before, payload)
	}
	return b, nil
}
