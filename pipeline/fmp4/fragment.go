package fmp4

import "weir/pipeline/media"

// Sample is a unit and how long it lasts, in ticks of its track's rate.
type Sample struct {
	Unit     *media.Unit
	Duration media.Ticks
}

// Run is what a fragment holds of one track: at least one sample.
type Run struct {
	// Number is the track_ID.
	Number uint32
	// Shift is added to every decoding time.
	Shift   media.Ticks
	Samples []Sample
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

// Head is a fragment up to its payload (ISO/IEC 14496-12 section 8.8), and how many
// bytes of payload follow: the samples of each run in turn, each as bitstream.Append
// joins it.
func Head(sequence uint32, runs ...Run) (head []byte, payload int) {
	size := moofSize(runs)
	b := make(boxes, 0, size+boxHeader)
	moof := b.open("moof")
	mfhd := b.full("mfhd", 0, 0)
	b.u32(sequence)
	b.close(mfhd)
	for i := range runs {
		payload += b.traf(&runs[i], size+boxHeader+payload)
	}
	b.close(moof)
	mdat := b.open("mdat")
	b.patch(mdat, uint32(boxHeader+payload))
	return b, payload
}

// boxHeader is the size of a box without content, in bytes.
const boxHeader = 8

// moofSize is the size of the moof of those runs in bytes.
func moofSize(runs []Run) int {
	const mfhd, tfhd, tfdt, trun = 16, 16, 20, 20
	n := boxHeader + mfhd
	for _, r := range runs {
		n += boxHeader + tfhd + tfdt + trun + sampleSize(r.Samples)*len(r.Samples)
	}
	return n
}

// sampleSize is how many bytes describe one of those samples.
func sampleSize(samples []Sample) int {
	if samples[0].Unit.Kind() == media.KindVideo {
		return 16
	}
	return 8
}

// traf describes a run whose payload begins offset bytes behind the beginning of moof.
// It returns the size of that payload.
func (b *boxes) traf(r *Run, offset int) (payload int) {
	traf := b.open("traf")
	tfhd := b.full("tfhd", 0, defaultBaseIsMoof)
	b.u32(r.Number)
	b.close(tfhd)
	tfdt := b.full("tfdt", 1, 0)
	b.u64(uint64(max(0, r.Samples[0].Unit.DTS+r.Shift)))
	b.close(tfdt)
	payload = b.trun(r.Samples, offset)
	b.close(traf)
	return payload
}

// trun describes the samples and returns the size of their payload.
func (b *boxes) trun(samples []Sample, offset int) (payload int) {
	video := samples[0].Unit.Kind() == media.KindVideo
	flags := uint32(trunOffset | trunDuration | trunSize)
	if video {
		flags |= trunFlags | trunComposition
	}
	trun := b.full("trun", 1, flags)
	b.u32(uint32(len(samples)))
	b.u32(uint32(offset))
	for _, s := range samples {
		size := JoinedSize(s.Unit.Track.Codec, s.Unit.Access)
		payload += size
		b.u32(uint32(s.Duration))
		b.u32(uint32(size))
		if !video {
			continue
		}
		if s.Unit.Flags.Has(media.Key) {
			b.u32(sampleSync)
		} else {
			b.u32(sampleNonSync)
		}
		b.u32(uint32(s.Unit.PTS - s.Unit.DTS))
	}
	b.close(trun)
	return payload
}
