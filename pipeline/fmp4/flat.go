package fmp4

import (
	"bytes"
	"math"
	"slices"
	"time"

	"weir/pipeline/media"
)

// Flat is the index of a file that is not fragmented, and has its index in front
// (ISO/IEC 14496-12 section 8.5): what players and editors take without question. Of each
// sample it keeps a few bytes.
type Flat struct{ tracks []*FlatTrack }

// FlatTrack is a track of such a file. Its samples come in the order of their decoding
// times.
type FlatTrack struct {
	header  Header
	entries [][]byte

	shown    media.Ticks // the first sample, and the end of the last one
	ended    media.Ticks
	began    media.Ticks // decoding time of the first sample
	last     media.Ticks // decoding time of the last one
	lasts    media.Ticks
	sizes    []uint32
	sync     []uint32
	lengths  []span
	composed []span
	chunks   []chunkPlace
}

// span is a value that some samples in turn have.
type span struct{ count, value uint32 }

type chunkPlace struct {
	offset         int64 // in the payload
	samples, entry uint32
}

// Track adds a track that is like h. Its samples are described by what Describe adds.
func (f *Flat) Track(h Header) *FlatTrack {
	t := &FlatTrack{header: h}
	f.tracks = append(f.tracks, t)
	return t
}

// Describe adds the description of a track's samples, if it has not got the same one
// already, and returns its place for Add. The pictures of the track are as large as the
// largest ones.
func (t *FlatTrack) Describe(h Header) (entry int) {
	if uint64(h.Width)*uint64(h.Height) > uint64(t.header.Width)*uint64(t.header.Height) {
		t.header.Width, t.header.Height = h.Width, h.Height
	}
	for i, e := range t.entries {
		if bytes.Equal(e, h.Entry) {
			return i
		}
	}
	t.entries = append(t.entries, bytes.Clone(h.Entry))
	return len(t.entries) - 1
}

// Descriptions is how many descriptions the track's samples have.
func (t *FlatTrack) Descriptions() int { return len(t.entries) }

// Add adds samples that stand behind each other at an offset of the payload, and are
// described by that entry. The first of them decodes at a time, which may be later than
// the end of those before; where it is earlier, it decodes later than it says, and is
// shown when it says.
func (t *FlatTrack) Add(at media.Ticks, offset int64, entry int, samples []ScannedSample) {
	if len(samples) == 0 {
		return
	}
	t.chunks = append(t.chunks, chunkPlace{offset, uint32(len(samples)), uint32(entry) + 1})
	for _, s := range samples {
		shown, decoded := at+media.Ticks(int32(s.Composition)), at
		switch {
		case len(t.sizes) == 0:
			t.began, t.shown = decoded, shown
		default:
			decoded = max(decoded, t.last+1)
			t.lengths = extend(t.lengths, uint32(min(decoded-t.last, math.MaxInt32)))
		}
		t.last, t.lasts = decoded, media.Ticks(s.Duration)
		t.ended = max(t.ended, shown+t.lasts)
		t.sizes = append(t.sizes, s.Size)
		if t.header.Kind == media.KindVideo {
			t.composed = extend(t.composed, uint32(int32(shown-decoded)))
			if s.Sync {
				t.sync = append(t.sync, uint32(len(t.sizes)))
			}
		}
		at += t.lasts
	}
}

func extend(spans []span, value uint32) []span {
	if n := len(spans); n > 0 && spans[n-1].value == value {
		spans[n-1].count++
		return spans
	}
	return append(spans, span{1, value})
}

// flatRate is the clock of what concerns all tracks.
const flatRate = media.VideoRate

// times are when the first sample is shown and the last one ends.
func (t *FlatTrack) times() (from, to time.Duration) {
	return t.header.Rate.Duration(t.shown), t.header.Rate.Duration(t.ended)
}

// span is from when to when anything is shown.
func (f *Flat) span() (from, to time.Duration) {
	from = math.MaxInt64
	for _, t := range f.tracks {
		first, last := t.times()
		from, to = min(from, first), max(to, last)
	}
	return min(from, to), to
}

// Duration is how long the file plays.
func (f *Flat) Duration() time.Duration {
	from, to := f.span()
	return to - from
}

// Head is all of the file that stands in front of the payload, which has so many bytes.
func (f *Flat) Head(payload int64) []byte {
	base := int64(len(f.head(0, payload, false)))
	if base+payload <= math.MaxUint32 {
		return f.head(base, payload, false)
	}
	base = int64(len(f.head(0, payload, true)))
	return f.head(base, payload, true)
}

// head is Head with the payload at base. In wide files offsets have 64 bits.
func (f *Flat) head(base, payload int64, wide bool) []byte {
	var b boxes
	ftyp := b.open("ftyp")
	b.string("isom")
	b.u32(0x200)
	b.string("isomiso2mp41")
	b.close(ftyp)
	moov := b.open("moov")
	from, to := f.span()
	mvhd := b.full("mvhd", 1, 0)
	b.zeros(16) // times of creation and modification
	b.u32(uint32(flatRate))
	b.u64(uint64(flatRate.Ticks(to - from)))
	b.u32(0x10000) // rate
	b.u16(0x100)   // volume
	b.zeros(10)
	b.matrix()
	b.zeros(24)
	b.u32(uint32(len(f.tracks)) + 1)
	b.close(mvhd)
	for i, t := range f.tracks {
		trak := b.open("trak")
		b.flatTrack(uint32(i)+1, t, from, base, wide)
		b.close(trak)
	}
	b.close(moov)
	if wide {
		b.u32(1)
		b.string("mdat")
		b.u64(uint64(payload) + 16)
		return b
	}
	b.u32(uint32(payload + boxHeader))
	b.string("mdat")
	return b
}

func (b *boxes) flatTrack(number uint32, t *FlatTrack, start time.Duration, base int64, wide bool) {
	first, last := t.times()
	tkhd := b.full("tkhd", 1, 3) // enabled, in movie
	b.zeros(16)
	b.u32(number)
	b.u32(0)
	b.u64(uint64(flatRate.Ticks(last - start)))
	b.zeros(8 + 2) // reserved, layer
	if t.header.Kind == media.KindAudio {
		b.u16(1)     // alternate group
		b.u16(0x100) // volume
	} else {
		b.u32(0)
	}
	b.u16(0)
	b.matrix()
	b.u32(t.header.Width)
	b.u32(t.header.Height)
	b.close(tkhd)

	b.edits(t, first-start, last-first)
	mdia := b.open("mdia")
	mdhd := b.full("mdhd", 1, 0)
	b.zeros(16)
	b.u32(uint32(t.header.Rate))
	b.u64(uint64(t.last + t.end() - t.began))
	b.u16(t.header.Language)
	b.u16(0)
	b.close(mdhd)
	b.handler(t.header.Kind)
	minf := b.mediaInformation(t.header.Kind)
	stbl := b.open("stbl")
	b.flatTable(t, base, wide)
	b.close(stbl)
	b.close(minf)
	b.close(mdia)
}

// end is how long the last sample lasts.
func (t *FlatTrack) end() media.Ticks { return max(1, t.lasts) }

// edits say from when on a track is shown, and from which of its times (section 8.6.6).
func (b *boxes) edits(t *FlatTrack, late, lasts time.Duration) {
	edts := b.open("edts")
	elst := b.full("elst", 1, 0)
	empty := flatRate.Ticks(late)
	if empty > 0 {
		b.u32(2)
		b.u64(uint64(empty))
		b.u64(math.MaxUint64) // nothing
		b.u32(0x10000)
	} else {
		b.u32(1)
	}
	b.u64(uint64(flatRate.Ticks(lasts)))
	b.u64(uint64(max(0, t.shown-t.began)))
	b.u32(0x10000)
	b.close(elst)
	b.close(edts)
}

// flatTable is the content of stbl.
func (b *boxes) flatTable(t *FlatTrack, base int64, wide bool) {
	at := b.full("stsd", 0, 0)
	b.u32(uint32(len(t.entries)))
	for _, e := range t.entries {
		b.bytes(e)
	}
	b.close(at)

	b.spans("stts", 0, extend(slices.Clone(t.lengths), uint32(t.end())))
	if t.header.Kind == media.KindVideo {
		if len(t.composed) > 1 || len(t.composed) == 1 && t.composed[0].value != 0 {
			b.spans("ctts", 1, t.composed)
		}
		at = b.full("stss", 0, 0)
		b.u32(uint32(len(t.sync)))
		for _, n := range t.sync {
			b.u32(n)
		}
		b.close(at)
	}

	at = b.full("stsc", 0, 0)
	count := len(*b)
	b.u32(0)
	runs, before := uint32(0), chunkPlace{}
	for i, c := range t.chunks {
		if c.samples != before.samples || c.entry != before.entry {
			b.u32(uint32(i) + 1)
			b.u32(c.samples)
			b.u32(c.entry)
			runs, before = runs+1, c
		}
	}
	b.patch(count, runs)
	b.close(at)

	at = b.full("stsz", 0, 0)
	b.u32(0) // they differ
	b.u32(uint32(len(t.sizes)))
	for _, n := range t.sizes {
		b.u32(n)
	}
	b.close(at)
	b.places(t.chunks, base, wide)
}

func (b *boxes) spans(kind string, version uint8, spans []span) {
	at := b.full(kind, version, 0)
	b.u32(uint32(len(spans)))
	for _, s := range spans {
		b.u32(s.count)
		b.u32(s.value)
	}
	b.close(at)
}

func (b *boxes) places(chunks []chunkPlace, base int64, wide bool) {
	kind := "stco"
	if wide {
		kind = "co64"
	}
	at := b.full(kind, 0, 0)
	b.u32(uint32(len(chunks)))
	for _, c := range chunks {
		if wide {
			b.u64(uint64(base + c.offset))
		} else {
			b.u32(uint32(base + c.offset))
		}
	}
	b.close(at)
}
