package mp4

import (
	"errors"
	"fmt"
)

// Sample says where a sample is and when it is due, in ticks of its track's Scale.
type Sample struct {
	Offset   int64 // in the file, bytes
	Size     uint32
	DTS      int64 // since the beginning of the media
	CTS      int32 // PTS minus DTS
	Duration uint32
}

// tables are a track's sample tables (section 8.6 and 8.7), each the entries as
// they are in the file.
type tables struct {
	samples    uint32
	size       uint32 // of every sample, or 0
	sizes      box    // stsz: 4 bytes each
	times      box    // stts: count, delta
	offsets    box    // ctts: count, offset; may be empty
	runs       box    // stsc: first chunk, samples a chunk, description
	chunks     box    // stco or co64
	chunkBytes int    // 4 or 8
}

func readTables(stbl box) (t tables, err error) {
	stsz := stbl.child("stsz")
	if t.size, t.samples = stsz.u32(4), stsz.u32(8); t.size == 0 {
		if t.sizes, err = stsz.table("stsz", 8, 4); err != nil {
			return t, err
		}
	}
	if t.times, err = stbl.child("stts").table("stts", 4, 8); err != nil {
		return t, err
	}
	if ctts := stbl.child("ctts"); ctts != nil {
		if t.offsets, err = ctts.table("ctts", 4, 8); err != nil {
			return t, err
		}
	}
	if t.runs, err = stbl.child("stsc").table("stsc", 4, 12); err != nil {
		return t, err
	}
	if co64 := stbl.child("co64"); co64 != nil {
		t.chunkBytes = 8
		t.chunks, err = co64.table("co64", 4, 8)
	} else {
		t.chunkBytes = 4
		t.chunks, err = stbl.child("stco").table("stco", 4, 4)
	}
	if t.samples == 0 && err == nil {
		err = fmt.Errorf("%w: no samples", ErrMalformed)
	}
	return t, err
}

// run walks entries of a count and a value.
type run struct {
	rest  box
	left  uint32
	value uint32
}

func (r *run) next() bool {
	for r.left == 0 {
		if len(r.rest) < 8 {
			return false
		}
		r.left, r.value, r.rest = r.rest.u32(0), r.rest.u32(4), r.rest[8:]
	}
	r.left--
	return true
}

// Cursor walks a track's samples in decoding order.
type Cursor struct {
	t       *tables
	i       int // samples returned
	dts     int64
	times   run
	offsets run
	place   place
	err     error
}

// Cursor is a new Cursor before the first sample.
func (t *Track) Cursor() *Cursor {
	return &Cursor{t: &t.tables, times: run{rest: t.tables.times}, offsets: run{rest: t.tables.offsets}}
}

var errShort = errors.New("tables of different lengths")

// Next is the next sample; false behind the last one.
func (c *Cursor) Next() (Sample, bool) {
	if c.i == int(c.t.samples) || c.err != nil {
		return Sample{}, false
	}
	s := Sample{Size: c.t.size, DTS: c.dts}
	if s.Size == 0 {
		s.Size = c.t.sizes.u32(4 * c.i)
	}
	if !c.times.next() || !c.place.next(c.t) {
		c.err = errShort
		return Sample{}, false
	}
	if c.offsets.next() { // a short table leaves the rest without offset
		s.CTS = int32(c.offsets.value)
	}
	s.Duration = c.times.value
	s.Offset = c.place.at
	c.place.at += int64(s.Size)
	c.dts += int64(s.Duration)
	c.i++
	return s, true
}

// place walks chunks.
type place struct {
	at    int64  // where the next sample is
	left  uint32 // samples left in the chunk
	chunk uint32 // chunks begun
	each  uint32 // samples a chunk
	run   int    // entries of stsc begun, in bytes
}

// next makes at the place of the next sample.
func (p *place) next(t *tables) bool {
	for p.left == 0 {
		if p.run < len(t.runs) && t.runs.u32(p.run) <= p.chunk+1 {
			p.each = t.runs.u32(p.run + 4)
			p.run += 12
			continue
		}
		at := int(p.chunk) * t.chunkBytes
		if at >= len(t.chunks) {
			return false
		}
		if p.at = int64(t.chunks.u32(at)); t.chunkBytes == 8 {
			p.at = int64(t.chunks.u64(at))
		}
		p.left = p.each
		p.chunk++
	}
	p.left--
	return true
}
