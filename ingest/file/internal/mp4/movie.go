package mp4

import (
	"fmt"
	"io"
	"math"

	"weir/pipeline/media"
)

// maxTracks bounds the tracks that are looked at.
const maxTracks = 64

// Track is one track of which the coding is known, with its sample tables.
type Track struct {
	Codec media.Codec
	// Config is the decoder configuration in the form of media.Track.Config.
	Config []byte
	// Scale is the rate of the times of its samples.
	Scale media.Rate

	// Start is the media time that the edit list presents at the beginning of the
	// movie: less than zero if the track begins with an empty edit.
	Start int64
	// Length is for how long the edit list presents the track, all samples'
	// durations without one.
	Length int64
	// Duration is the sum of all samples' durations.
	Duration int64
	// MinOffset and MaxSize are the least composition offset and the largest size
	// of its samples.
	MinOffset int32
	MaxSize   uint32
	// Samples is their number, at least 1.
	Samples int

	tables tables
}

// Read reads the tracks of a file of that many bytes. Tracks of other codings
// than the ones that a pipeline carries are left out; their names are returned.
func Read(r io.ReaderAt, size int64) (tracks []*Track, ignored []string, err error) {
	moov, err := findMoov(r, size)
	if err != nil {
		return nil, nil, err
	}
	if moov.child("mvex") != nil {
		return nil, nil, fmt.Errorf("fragmented MP4 is not supported; make a plain one: ffmpeg -i in.mp4 -c copy out.mp4")
	}
	scale := moov.child("mvhd").timescale()
	err = moov.each(func(name string, trak box) error {
		if name != "trak" {
			return nil
		}
		if len(tracks)+len(ignored) == maxTracks {
			return fmt.Errorf("more than %d tracks", maxTracks)
		}
		t, coding, err := readTrack(trak, scale, size)
		switch {
		case err != nil:
			return fmt.Errorf("track %d: %w", len(tracks)+len(ignored)+1, err)
		case t == nil:
			ignored = append(ignored, coding)
		default:
			tracks = append(tracks, t)
		}
		return nil
	})
	return tracks, ignored, err
}

// readTrack returns a nil Track if the coding is none of ours.
func readTrack(trak box, movieScale uint32, size int64) (*Track, string, error) {
	mdhd, stbl := trak.child("mdia", "mdhd"), trak.child("mdia", "minf", "stbl")
	coding, codec, config, err := description(stbl.child("stsd"))
	if err != nil || codec == 0 {
		return nil, coding, err
	}
	t := &Track{Codec: codec, Config: config, Scale: media.Rate(mdhd.timescale())}
	if t.Scale == 0 {
		return nil, coding, fmt.Errorf("%w: no timescale", ErrMalformed)
	}
	if t.tables, err = readTables(stbl); err != nil {
		return nil, coding, err
	}
	if err := t.measure(size); err != nil {
		return nil, coding, err
	}
	t.edit(trak.child("edts", "elst"), movieScale)
	return t, coding, nil
}

// measure walks the tables once, so that nothing can fail later but the disk.
func (t *Track) measure(size int64) error {
	t.MinOffset = math.MaxInt32
	for c := t.Cursor(); ; {
		s, ok := c.Next()
		if !ok {
			if t.Samples = c.i; c.err != nil || c.i == 0 {
				return fmt.Errorf("%w: sample tables end at sample %d of %d", ErrMalformed, c.i, t.tables.samples)
			}
			return nil
		}
		if s.Offset < 0 || s.Offset > size-int64(s.Size) {
			return fmt.Errorf("%w: sample %d lies beyond the end of the file", ErrMalformed, c.i)
		}
		t.Duration = s.DTS + int64(s.Duration)
		t.MinOffset, t.MaxSize = min(t.MinOffset, s.CTS), max(t.MaxSize, s.Size)
	}
}

// edit reads an edit list (section 8.6.6): empty edits, and the first one that is
// none. What a list repeats or cuts out of the middle is played as it lies.
func (t *Track) edit(elst box, movieScale uint32) {
	t.Length = t.Duration
	entry := 12
	if elst.version() == 1 {
		entry = 20
	}
	entries, err := elst.table("elst", 4, entry)
	if err != nil || movieScale == 0 {
		return
	}
	for ; len(entries) > 0; entries = entries[entry:] {
		length, start := int64(entries.u32(0)), int64(int32(entries.u32(4)))
		if entry == 20 {
			length, start = int64(entries.u64(0)), int64(entries.u64(8))
		}
		length = int64(media.Rescale(media.Ticks(length), media.Rate(movieScale), t.Scale))
		switch {
		case start == -1:
			t.Start -= min(max(length, 0), t.Duration)
		case start >= 0 && start < t.Duration:
			t.Start += start
			if length > 0 { // 0 means to the end, for some writers
				t.Length = min(length, t.Duration)
			}
			return
		default:
			return
		}
	}
}

// timescale is that of an mvhd or mdhd box, or 0.
func (b box) timescale() uint32 {
	if b.version() == 1 {
		return b.u32(20)
	}
	return b.u32(12)
}
