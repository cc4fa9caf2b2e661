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
	// flush is what was written since the last flush, which belongs to the caller.
	flush() ([]byte, error)
}

// origin is added to every timestamp in a container, so that units that decode a
// little before the instance's epoch have one too.
const origin = 10 // seconds

// fragments muxes one track into movie fragments (ISO/IEC 14496-12 section 8.8),
// each a CMAF chunk.
type fragments struct {
	codec    media.Codec
	sequence uint32
	samples  []sample
	payload  int // bytes, at least
}

type sample struct {
	unit *media.Unit
	dur  media.Ticks
}

func (f *fragments) begin() {}

func (f *fragments) write(u *media.Unit, dur media.Ticks) {
	f.samples = append(f.samples, sample{u, dur})
	f.payload += u.Size() + 8*len(u.Access)
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

func (f *fragments) flush() ([]byte, error) {
	if len(f.samples) == 0 {
		return nil, nil
	}
	const headers = 8 + 16 + 8 + 16 + 20 + 20 + 8
	f.sequence++
	b := make(boxes, 0, headers+16*len(f.samples)+f.payload)
	first := f.samples[0].unit
	video := first.Kind() == media.KindVideo

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
	sizes := f.trun(&b, video)
	b.close(traf)
	b.close(moof)

	mdat := b.open("mdat")
	for i, s := range f.samples {
		at := len(b)
		joined, err := bitstream.Append(b, f.codec, s.unit.Access)
		if err != nil {
			return nil, err
		}
		b = joined
		b.patch(sizes.at+i*sizes.step, uint32(len(b)-at))
	}
	b.close(mdat)
	b.patch(sizes.offsetAt, uint32(mdat+8-moof))
	clear(f.samples)
	f.samples, f.payload = f.samples[:0], 0
	return b, nil
}

// sizeFields are the places in trun that are known only once mdat is written.
type sizeFields struct{ offsetAt, at, step int }

func (f *fragments) trun(b *boxes, video bool) sizeFields {
	flags, step := uint32(trunOffset|trunDuration|trunSize), 8
	if video {
		flags, step = flags|trunFlags|trunComposition, 16
	}
	trun := b.full("trun", 1, flags)
	b.u32(uint32(len(f.samples)))
	offsetAt := len(*b)
	b.u32(0)
	at := len(*b) + 4
	for _, s := range f.samples {
		b.u32(uint32(s.dur))
		b.u32(0)
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
	return sizeFields{offsetAt, at, step}
}
