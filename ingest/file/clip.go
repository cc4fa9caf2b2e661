package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// frame is one access unit of a pass.
type frame struct {
	track *media.Track
	// dts and pts are in ticks of scale since the beginning of the pass. Those of
	// a few first units may be negative.
	dts, pts int64
	scale    media.Rate
	// samples is how long sound lasts, in ticks of the track's rate; 0 for video.
	samples media.Ticks
	flags   media.Flags
	access  [][]byte
}

// clip is an open file. It is not safe for concurrent use.
type clip interface {
	// tracks are the tracks that a pass begins with.
	tracks() []*media.Track
	// period is how long a pass lasts.
	period() (ticks int64, scale media.Rate)
	// lead is how long before the beginning of a pass its earliest unit is due.
	lead() time.Duration
	// next is the next unit of the pass, about in decoding order over all tracks;
	// io.EOF behind the last one.
	next() (frame, error)
	// rewind begins another pass.
	rewind() error
}

// tail is how much longer than the picture sound may be and still be cut off.
const tail = time.Second

// errFormat is matched by errors about the file's content.
var errFormat = errors.New("cannot be played")

// open finds out what a file is.
func open(f *os.File) (clip, string, error) {
	var magic [8]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	switch {
	case string(magic[:3]) == "FLV":
		c, err := openFLV(f)
		return c, "FLV", err
	case string(magic[4:]) == "ftyp":
		c, err := openMP4(f)
		return c, "MP4", err
	default:
		return nil, "", fmt.Errorf("%w: it is neither MP4 nor FLV", errFormat)
	}
}

// ruler measures sound.
type ruler struct {
	track  *media.Track
	params *bitstream.Params
}

// samples is how long a unit lasts in ticks of its track's rate; 0 for video.
func (r *ruler) samples(t *media.Track, access [][]byte) (media.Ticks, error) {
	if t.Kind() != media.KindAudio {
		return 0, nil
	}
	if t != r.track {
		r.track, r.params = t, nil
		if t.Config != nil {
			p, err := bitstream.Parse(t.Codec, t.Config, bitstream.DefaultLimits())
			if err != nil {
				return 0, err
			}
			r.params = p
		}
	}
	if r.params == nil {
		n, err := bitstream.Samples(t.Codec, access[0])
		return media.Ticks(n), err
	}
	n, err := r.params.FrameTicks(access[0])
	return media.Ticks(n), err
}
