package file

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"weir/ingest/file/internal/mp4"
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// movie is an MP4 file: its first video track and all its audio tracks.
type movie struct {
	file    io.ReaderAt
	strands []*strand
	ticks   int64
	scale   media.Rate
	before  time.Duration
}

// strand is a track of a movie.
type strand struct {
	source *mp4.Track
	// first and params belong to the beginning of a pass; track and now change with
	// parameter sets in band.
	first, track *media.Track
	params, now  *bitstream.Params

	cursor *mp4.Cursor
	ahead  mp4.Sample // the next one
	more   bool
	ruler  ruler
}

func openMP4(f *os.File) (clip, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tracks, ignored, err := mp4.Read(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	m := &movie{file: f}
	sounds := 0
	for _, t := range tracks {
		id := media.TrackID("video")
		if t.Codec.Kind() == media.KindVideo && m.video() != nil {
			continue
		}
		if t.Codec.Kind() == media.KindAudio {
			id = "audio"
			if sounds++; sounds > 1 {
				id += media.TrackID(strconv.Itoa(sounds))
			}
		}
		if err := m.add(id, t); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errFormat, id, err)
		}
	}
	if len(m.strands) == 0 {
		return nil, fmt.Errorf("%w: no track has a codec that is known here, only %v", errFormat, ignored)
	}
	m.measure()
	return m, m.rewind()
}

func (m *movie) video() *strand {
	for _, s := range m.strands {
		if s.source.Codec.Kind() == media.KindVideo {
			return s
		}
	}
	return nil
}

func (m *movie) add(id media.TrackID, t *mp4.Track) error {
	p, err := bitstream.Parse(t.Codec, t.Config, bitstream.DefaultLimits())
	if err != nil {
		return err
	}
	if t.MaxSize > bitstream.MaxUnit {
		return fmt.Errorf("a unit of %d bytes; at most %d are allowed", t.MaxSize, bitstream.MaxUnit)
	}
	m.strands = append(m.strands, &strand{source: t, params: p, first: p.Track(id)})
	return nil
}

// measure sets the period and the lead.
func (m *movie) measure() {
	var longest time.Duration
	if v := m.video(); v != nil {
		m.ticks, m.scale = v.source.Duration, v.source.Scale
		longest = m.scale.Duration(media.Ticks(m.ticks)) + tail
	}
	for _, s := range m.strands {
		t := s.source
		if d := t.Scale.Duration(media.Ticks(t.Length)); t.Codec.Kind() == media.KindAudio && d > longest {
			m.ticks, m.scale, longest = t.Length, t.Scale, d
		}
		m.before = max(m.before, t.Scale.Duration(media.Ticks(-s.dts(0))))
	}
	m.ticks = max(m.ticks, 1)
}

// dts moves a sample's decoding time to the beginning of the pass. It is early
// enough for negative composition offsets.
func (s *strand) dts(at int64) int64 {
	return at - s.source.Start + min(int64(s.source.MinOffset), 0)
}

func (m *movie) tracks() []*media.Track {
	ts := make([]*media.Track, len(m.strands))
	for i, s := range m.strands {
		ts[i] = s.first
	}
	return ts
}

func (m *movie) period() (int64, media.Rate) { return m.ticks, m.scale }

func (m *movie) lead() time.Duration { return m.before }

func (m *movie) rewind() error {
	for _, s := range m.strands {
		s.track, s.now = s.first, s.params
		s.cursor = s.source.Cursor()
		s.ahead, s.more = s.cursor.Next()
	}
	return nil
}

func (m *movie) next() (frame, error) {
	for {
		s := m.due()
		if s == nil {
			return frame{}, io.EOF
		}
		at := s.ahead
		s.ahead, s.more = s.cursor.Next()
		b := make([]byte, at.Size)
		if _, err := m.file.ReadAt(b, at.Offset); err != nil {
			return frame{}, fmt.Errorf("read %s at %d: %w", s.first.ID, at.Offset, err)
		}
		f, err := s.frame(at, b)
		if err != nil {
			return frame{}, fmt.Errorf("%w: %s at %v: %w", errFormat, s.first.ID,
				s.source.Scale.Duration(media.Ticks(at.DTS)), err)
		}
		if len(f.access) > 0 {
			return f, nil
		}
	}
}

// due is the track whose next sample is decoded first, or nil at the end.
func (m *movie) due() *strand {
	var first *strand
	var at time.Duration
	for _, s := range m.strands {
		if !s.more {
			continue
		}
		if d := s.source.Scale.Duration(media.Ticks(s.dts(s.ahead.DTS))); first == nil || d < at {
			first, at = s, d
		}
	}
	return first
}

// frame takes a sample apart. One without a picture has no access.
func (s *strand) frame(at mp4.Sample, b []byte) (frame, error) {
	au, err := s.now.Split(b)
	if err != nil || len(au.Access) == 0 {
		return frame{}, err
	}
	if au.Params != nil {
		s.now = au.Params
		s.track = au.Params.Track(s.first.ID)
	}
	n, err := s.ruler.samples(s.track, au.Access)
	return frame{
		track: s.track, scale: s.source.Scale, samples: n,
		dts: s.dts(at.DTS), pts: at.DTS + int64(at.CTS) - s.source.Start,
		flags: au.Flags, access: au.Access,
	}, err
}
