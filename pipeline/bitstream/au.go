package bitstream

import (
	"bytes"
	"slices"

	"weir/pipeline/media"
)

// AU is one access unit in normal form.
type AU struct {
	// Access is as media.Unit.Access: slices of the payload. Empty if the payload
	// held no picture, only parameter sets or other side information.
	Access [][]byte
	// Flags are FrameEnd and, where they apply, Key and Droppable.
	//
	// Key is an IDR picture for H264: a recovery point (open GOP, periodic intra
	// refresh) is not one, because HLS segments and new decoders must start
	// clean. For H265 it is any IRAP picture (types 16 to 21), for AV1 a shown key
	// frame.
	Flags media.Flags
	// Params is the configuration from this unit on, when parameter sets in band
	// changed it; else nil.
	Params *Params
}

// Split takes one access unit apart, as MP4, FLV and RTMP carry it: NAL units
// with a length before each, OBUs with sizes, or one audio frame. The payload
// belongs to the AU from then on; for AV1 its bytes are also rearranged. Errors
// are as those of [Parse].
func (p *Params) Split(payload []byte) (AU, error) {
	if len(payload) > MaxUnit {
		return AU{}, malformed("access unit of %d bytes", len(payload))
	}
	s, err := schemeOf(p.Codec)
	if err != nil {
		return AU{}, err
	}
	return s.split(p, payload)
}

// Normal brings units that have been taken apart already, from Annex B
// ([SplitAnnexB]) or RTP, into normal form. It reuses the slice units.
func (p *Params) Normal(units [][]byte) (AU, error) {
	s, err := schemeOf(p.Codec)
	if err != nil {
		return AU{}, err
	}
	return s.normal(p, units)
}

// Append is the opposite of [Params.Split]: it appends the unit to dst as MP4, FLV
// and RTMP carry it, with 4 byte lengths for H264 and H265, all OBUs with a size
// for AV1. It grows dst at most once.
func Append(dst []byte, codec media.Codec, access [][]byte) ([]byte, error) {
	s, err := schemeOf(codec)
	if err != nil {
		return dst, err
	}
	return s.join(dst, access), nil
}

// FlagsOf are the Key, Droppable and FrameEnd flags of a unit in normal form. For
// H265 Droppable is never set, because it depends on the configuration; use
// [Params.Split] or [Params.Normal] for that.
func FlagsOf(codec media.Codec, access [][]byte) media.Flags {
	s, err := schemeOf(codec)
	if err != nil {
		return media.FrameEnd
	}
	return s.flags(access)
}

// Samples is the duration of an audio frame in ticks of the track's Rate. It is
// read from the frame where the codec says it there (Opus, MP3); AAC frames are
// taken to have 1024 samples. [Params.FrameSamples] knows the rare 960.
func Samples(codec media.Codec, frame []byte) (int, error) {
	s, err := schemeOf(codec)
	if err != nil {
		return 0, err
	}
	if s.samples == nil {
		return 0, unsupported("%v units have no duration of their own", codec)
	}
	return s.samples(frame)
}

// FrameTicks is the duration of a frame of p, in ticks of p.Rate.
func (p *Params) FrameTicks(frame []byte) (int, error) {
	if p.FrameSamples > 0 {
		return p.FrameSamples, nil
	}
	return Samples(p.Codec, frame)
}

func splitAudio(p *Params, payload []byte) (AU, error) {
	if len(payload) == 0 {
		return AU{Flags: media.FrameEnd}, nil
	}
	return normalAudio(p, [][]byte{payload})
}

func normalAudio(_ *Params, units [][]byte) (AU, error) {
	return AU{Access: units, Flags: media.Key | media.FrameEnd}, nil
}

func appendAudio(dst []byte, access [][]byte) []byte {
	for _, b := range access {
		dst = append(dst, b...)
	}
	return dst
}

// paramSets are the parameter sets of a configuration, each kind in the order of
// its first appearance and without repeats. For AV1 sps holds the sequence header.
type paramSets struct{ vps, sps, pps [][]byte }

func (s *paramSets) all() [][]byte { return slices.Concat(s.vps, s.sps, s.pps) }

func (s *paramSets) has(set []byte) bool {
	return contains(s.sps, set) || contains(s.pps, set) || contains(s.vps, set)
}

func contains(sets [][]byte, set []byte) bool {
	for _, b := range sets {
		if bytes.Equal(b, set) {
			return true
		}
	}
	return false
}
