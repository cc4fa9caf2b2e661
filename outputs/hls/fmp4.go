package hls

import (
	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
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

// fragments muxes one track into movie fragments, each a CMAF chunk. It writes their
// headers; the payload stays where it is.
type fragments struct {
	codec    media.Codec
	sequence uint32
	samples  []fmp4.Sample
	slices   int // in the samples' units
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
	f.samples = append(f.samples, fmp4.Sample{Unit: u, Duration: dur})
	f.slices += len(u.Access)
}

func (f *fragments) flush() (*piece, error) {
	if len(f.samples) == 0 {
		return nil, nil
	}
	f.sequence++
	shift := media.Ticks(f.samples[0].Unit.Track.Rate) * origin
	head, payload := fmp4.Head(f.sequence, fmp4.Run{Number: 1, Shift: shift, Samples: f.samples})
	return toMake(head, f.codec, f.take(), payload), nil
}

// take is the payload of all samples, which are forgotten.
func (f *fragments) take() [][]byte {
	units := make([][]byte, 0, f.slices)
	for _, s := range f.samples {
		units = append(units, s.Unit.Access...)
	}
	clear(f.samples)
	f.samples, f.slices = f.samples[:0], 0
	return units
}
