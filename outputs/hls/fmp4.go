package hls

import (
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// muxer turns units into the bytes of a container.
type muxer interface {
	// begin starts a segment.
	begin()
	// write takes a unit that lasts for dur ticks of its track's rate.
	write(u *media.Unit, dur media.Ticks)
	// flush is what was written since the last flush, or nil. Where it fails, that is
	// lost.
	flush() (*piece, error)
}

// origin is added to every timestamp in a container, so that units that decode a
// little before the instance's epoch have one too.
const origin = 10 // seconds

// fragments muxes one track into movie fragments (ISO/IEC 14496-12 section 8.8),
// each a CMAF chunk. It writes their headers; the payload stays where it is.
type fragments struct {
	codec    media.Codec
	sequence uint32
	samples  []sample
	slices   int // in the samples' units
}

type sample struct {
	unit *media.Unit
	dur  media.Ticks
}

// newFragments makes a muxer, unless payload of that codec cannot be put together.
func newFragments(c media.Codec) (*fragments, error) {
	if _, err := bitstream.Append(nil, c, nil); err != nil {
		return nil, err
	}
	return &fragments{codec: c}, nil
}

func (f *fragments) begin() {}

func (f *fragments) write(u *media.Unit, dur media.Ticks) {
	f.samples = append(f.samples, sample{u, dur})
	f.slices += len(u.Access)
}

// The flags of trun and of samples, ISO/IEC 14496-12 sections 8.8.8 and 8.8.3.
const (
	trunOffset      = 0x001
	trunDuration    = 0x100
	trunSize        = 0x200
	trunFlags       = 0x400
	trunComposition = 0x800

	defaultBaseIsMoof = 0x20000
	sampleSync        = 0x2000000 // depends on no other
	sampleNonSync     = 0x1010000 // depends on others, is not a place to start
)

func (f *fragments) flush() (*piece, error) {
	if len(f.samples) == 0 {
		return nil, nil
	}
	const fixed = 8 + 16 + 8 + 16 + 20 + 20 + 8
	f.sequence++
	b := make(boxes, 0, fixed+16*len(f.samples))
	first := f.samples[0].unit

	moof := b.open("moof")
	mfhd := b.full("mfhd", 0, 0)
	b.u32(f.sequence)
	b.close(mfhd)
	traf := b.open("traf")
	tfhd := b.full("tfhd", 0, defaultBaseIsMoof)
	b.u32(trackNumber)
	b.close(tfhd)
	tfdt := b.full("tfdt", 1, 0)
	b.u64(uint64(max(0, first.DTS+media.Ticks(first.Track.Rate)*origin)))
	b.close(tfdt)
	offset, payload := f.trun(&b, first.Kind() == media.KindVideo)
	b.close(traf)
	b.close(moof)

	mdat := b.open("mdat")
	b.patch(mdat, uint32(len(b)-mdat+payload))
	b.patch(offset, uint32(len(b)-moof))
	return toMake(b, f.codec, f.take(), payload), nil
}

// take is the payload of all samples, which are forgotten.
func (f *fragments) take() [][]byte {
	units := make([][]byte, 0, f.slices)
	for _, s := range f.samples {
		units = append(units, s.unit.Access...)
	}
	clear(f.samples)
	f.samples, f.slices = f.samples[:0], 0
	return units
}

// trun describes the samples. It returns the place of their offset, which is known
// once moof is complete, and the size of their payload.
func (f *fragments) trun(b *boxes, video bool) (offset, payload int) {
	flags := uint32(trunOffset | trunDuration | trunSize)
	if video {
		flags |= trunFlags | trunComposition
	}
	trun := b.full("trun", 1, flags)
	b.u32(uint32(len(f.samples)))
	offset = len(*b)
	b.u32(0)
	for _, s := range f.samples {
		size := joinedSize(f.codec, s.unit.Access)
		payload += size
		b.u32(uint32(s.dur))
		b.u32(uint32(size))
		if !video {
			continue
		}
		if s.unit.Flags.Has(media.Key) {
			b.u32(sampleSync)
		} else {
			b.u32(sampleNonSync)
		}
		b.u32(uint32(s.unit.PTS - s.unit.DTS))
	}
	b.close(trun)
	return offset, payload
}
