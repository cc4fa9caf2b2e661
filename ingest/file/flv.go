package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/pipeline/timeline"
)

// readAhead is the size of the buffer in front of the file, in bytes.
const readAhead = 64 << 10

// tape is an FLV file. It has no index, so that it is read once to find out how
// long it lasts.
type tape struct {
	file    *os.File
	buffer  *bufio.Reader
	reader  *flv.Reader
	demuxer *flv.Demuxer
	clocks  map[media.TrackID]*timeline.Unwrapper
	ruler   ruler

	first  []*media.Track
	zero   int64 // time of the beginning of a pass, ms
	ticks  int64 // of a pass, ms
	before time.Duration
}

// span is what is measured of a track.
type span struct {
	first, last int64 // DTS, ms
	units       int64
}

// length is from the first unit to the end of the last one.
func (s span) length() int64 {
	if s.units < 2 {
		return 40
	}
	steps := s.units - 1
	return max(1, ((s.last-s.first)*s.units+steps/2)/steps)
}

func openFLV(f *os.File) (clip, error) {
	t := &tape{
		file: f, buffer: bufio.NewReaderSize(f, readAhead),
		demuxer: flv.NewDemuxer(bitstream.DefaultLimits()),
	}
	if err := t.measure(); err != nil {
		return nil, err
	}
	return t, t.rewind()
}

// measure makes a first pass.
func (t *tape) measure() error {
	if err := t.rewind(); err != nil {
		return err
	}
	spans := map[media.TrackID]*span{}
	for {
		f, err := t.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		s := spans[f.track.ID]
		if s == nil {
			s = &span{first: f.dts, last: f.dts}
			spans[f.track.ID] = s
			t.first = append(t.first, f.track)
		}
		s.last = max(s.last, f.dts)
		s.units++
	}
	video, audio := spans[flv.VideoID], spans[flv.AudioID]
	switch {
	case video == nil && audio == nil:
		return fmt.Errorf("%w: there is neither picture nor sound in it", errFormat)
	case video == nil:
		t.zero, t.ticks = audio.first, audio.length()
	case audio == nil:
		t.zero, t.ticks = video.first, video.length()
	default:
		t.zero, t.ticks = video.first, video.length()
		if n := audio.length(); n > t.ticks+tail.Milliseconds() {
			t.ticks = n
		}
		t.before = time.Duration(max(0, t.zero-audio.first)) * time.Millisecond
	}
	return nil
}

func (t *tape) tracks() []*media.Track { return t.first }

func (t *tape) period() (int64, media.Rate) { return t.ticks, media.MilliRate }

func (t *tape) lead() time.Duration { return t.before }

func (t *tape) rewind() (err error) {
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	t.buffer.Reset(t.file)
	t.clocks = make(map[media.TrackID]*timeline.Unwrapper)
	if t.reader, err = flv.NewReader(t.buffer); err != nil {
		return fmt.Errorf("%w: %w", errFormat, err)
	}
	return nil
}

func (t *tape) next() (frame, error) {
	for {
		tag, err := t.reader.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return frame{}, io.EOF // a file that was cut off plays up to there
		case err != nil:
			return frame{}, fmt.Errorf("%w: %w", errFormat, err)
		}
		r, err := t.demuxer.Demux(tag)
		if limit := (*bitstream.LimitError)(nil); errors.As(err, &limit) {
			return frame{}, fmt.Errorf("%w: %w", errFormat, err)
		}
		if err != nil || r.Unit.Track == nil {
			continue // a damaged tag costs no more than itself
		}
		f, err := t.frame(&r.Unit)
		if err == nil {
			return f, nil
		}
	}
}

func (t *tape) frame(u *flv.Unit) (frame, error) {
	clock := t.clocks[u.Track.ID]
	if clock == nil {
		c := timeline.NewUnwrapper(32)
		clock = &c
		t.clocks[u.Track.ID] = clock
	}
	n, err := t.ruler.samples(u.Track, u.Access)
	dts := clock.Unwrap(uint64(u.DTS)) - t.zero
	return frame{
		track: u.Track, dts: dts, pts: dts + int64(u.CTS), scale: media.MilliRate,
		samples: n, flags: u.Flags, access: u.Access,
	}, err
}
