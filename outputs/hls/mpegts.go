package hls

import (
	"errors"

	"weir/pipeline/media"
)

func transportCarries(t *media.Track, layer int8) error { return errors.New("not yet") }

func newTransport(t *media.Track, layer int8, audio []*media.Track) (muxer, error) {
	return nil, errors.New("not yet")
}
