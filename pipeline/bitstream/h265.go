package bitstream

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"weir/pipeline/media"
)

// h265Role reads a NAL unit's header (ITU-T H.265 table 7-1). A picture that its
// own temporal sub-layer does not refer to can be dropped if there is no higher
// sub-layer than maxTID that might.
func h265Role(nal []byte, maxTID byte) role {
	if len(nal) < 2 {
		return roleDrop
	}
	switch t := nal[0] >> 1 & 0x3F; {
	case t <= 14 && t%2 == 0 && nal[1]&7 == maxTID+1:
		return roleDropSlice
	case t <= 15:
		return roleSlice
	case t <= 21:
		return roleKeySlice
	case t <= 31:
		return roleSlice
	case t == 32:
		return roleVPS
	case t == 33:
		return roleSPS
	case t == 34:
		return rolePPS
	case t == 35 || t == 38: // delimiter, filler
		return roleDrop
	default:
		return roleOther
	}
}

// h265Flags does not know the highest sub-layer and so calls nothing droppable.
func h265Flags(access [][]byte) media.Flags {
	return rolesFlags(access, func(nal []byte) role { return h265Role(nal, 0xFE) })
}

// parseHVC reads an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 section
// 8.3.3.1.2). Sets of other kinds than VPS, SPS and PPS are left out.
func parseHVC(config []byte, l Limits) (*Params, error) {
	const header = 23
	// Version 0 was written by encoders before the standard was out.
	if len(config) < header || config[0] > 1 {
		return nil, malformed("H.265 configuration: not an hvcC record")
	}
	lengthSize := int(config[21]&3) + 1
	if lengthSize == 3 {
		return nil, malformed("H.265 configuration: NAL unit lengths of 3 bytes")
	}
	var all [][]byte
	rest := config[header:]
	for range config[22] {
		if len(rest) < 3 {
			return nil, malformed("H.265 configuration: cut off")
		}
		n := int(binary.BigEndian.Uint16(rest[1:]))
		sets, after, err := readSets(rest[3:], n)
		if err != nil {
			return nil, err
		}
		if all = append(all, sets...); len(all) > 4*maxSets {
			return nil, malformed("H.265 configuration: more than %d sets", 4*maxSets)
		}
		rest = after
	}
	p := Params{Codec: media.CodecH265}
	vps, sps, pps := p.byKind(all)
	return newH265(paramSets{vps: vps, sps: sps, pps: pps}, lengthSize, l)
}

func h265FromSets(sets [][]byte, l Limits) (*Params, error) {
	p := Params{Codec: media.CodecH265}
	vps, sps, pps := p.byKind(notEmpty(sets))
	return newH265(paramSets{vps: vps, sps: sps, pps: pps}, 4, l)
}

func newH265(s paramSets, lengthSize int, l Limits) (*Params, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(s.vps) == 0 || len(s.sps) == 0 || len(s.pps) == 0 {
		return nil, malformed("H.265 configuration: %d VPS, %d SPS and %d PPS", len(s.vps), len(s.sps), len(s.pps))
	}
	p := &Params{
		Codec: media.CodecH265, Rate: media.VideoRate,
		sets: s.owned(), lengthSize: lengthSize, limits: l,
	}
	var first h265.SPS
	for _, sps := range slices.Backward(p.sets.sps) {
		var err error
		if first, err = p.readH265SPS(sps); err != nil {
			return nil, err
		}
	}
	for _, b := range p.sets.pps {
		var pps h265.PPS
		if err := pps.Unmarshal(b); err != nil {
			return nil, malformed("H.265 PPS: %v", err)
		}
	}
	p.maxTID = first.MaxSubLayersMinus1
	// The general part of profile_tier_level follows the header and one byte more.
	// That it is there is known since the SPS could be parsed.
	ptl := h264.EmulationPreventionRemove(p.sets.sps[0][1:])[2:14]
	p.name = h265Name(ptl)
	p.Config = buildHVC(p.sets, &first, ptl)
	return p, nil
}

func (p *Params) readH265SPS(b []byte) (h265.SPS, error) {
	var s h265.SPS
	if err := s.Unmarshal(b); err != nil {
		return s, malformed("H.265 SPS: %v", err)
	}
	// Ranges of ITU-T H.265 section 7.4.3.2.1, as for H.264.
	if s.MaxSubLayersMinus1 > 6 || s.ChromaFormatIdc > 3 || s.BitDepthLumaMinus8 > 8 || s.BitDepthChromaMinus8 > 8 ||
		s.Log2MaxPicOrderCntLsbMinus4 > 12 {
		return s, malformed("H.265 SPS: value out of range")
	}
	width, height := uint64(s.PicWidthInLumaSamples), uint64(s.PicHeightInLumaSamples)
	if err := p.limits.picture(width, height); err != nil {
		return s, err
	}
	if c := s.ConformanceWindow; c != nil {
		unitX, unitY := uint64(1), uint64(1)
		if s.ChromaFormatIdc == 1 || s.ChromaFormatIdc == 2 {
			unitX = 2
		}
		if s.ChromaFormatIdc == 1 {
			unitY = 2
		}
		var ok bool
		if width, ok = crop(width, unitX, c.LeftOffset, c.RightOffset); !ok {
			return s, malformed("H.265 SPS: nothing left after cropping")
		}
		if height, ok = crop(height, unitY, c.TopOffset, c.BottomOffset); !ok {
			return s, malformed("H.265 SPS: nothing left after cropping")
		}
	}
	p.Width, p.Height, p.FPS = int(width), int(height), 0
	// The VUI tells the length of a tick, and promises no constant rate.
	if s.VUI != nil && s.VUI.TimingInfo != nil && s.VUI.TimingInfo.NumUnitsInTick > 0 {
		t := s.VUI.TimingInfo
		p.FPS = p.limits.hintFPS(float64(t.TimeScale) / float64(t.NumUnitsInTick))
	}
	return s, nil
}

// h265Name is the codec string of ISO/IEC 14496-15 annex E.3, from the general
// part of a profile_tier_level: profile, compatibility flags in reverse bit
// order, tier and level, constraint bytes without trailing zeros.
func h265Name(ptl []byte) string {
	var b strings.Builder
	b.WriteString("hvc1.")
	if space := ptl[0] >> 6; space > 0 {
		b.WriteByte('A' + space - 1)
	}
	tier := byte('L')
	if ptl[0]&0x20 != 0 {
		tier = 'H'
	}
	fmt.Fprintf(&b, "%d.%X.%c%d", ptl[0]&0x1F, bits.Reverse32(binary.BigEndian.Uint32(ptl[1:])), tier, ptl[11])
	constraints := ptl[5:11]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, c := range constraints {
		fmt.Fprintf(&b, ".%X", c)
	}
	return b.String()
}

// buildHVC writes an HEVCDecoderConfigurationRecord with 4 byte lengths and all
// sets of a kind in one complete array.
func buildHVC(s paramSets, sps *h265.SPS, ptl []byte) []byte {
	b := append([]byte{1}, ptl...)
	nested := byte(0)
	if sps.TemporalIDNestingFlag {
		nested = 4
	}
	b = append(b,
		0xF0, 0, // min_spatial_segmentation_idc: unknown
		0xFC, // parallelismType: unknown
		0xFC|byte(sps.ChromaFormatIdc),
		0xF8|byte(sps.BitDepthLumaMinus8),
		0xF8|byte(sps.BitDepthChromaMinus8),
		0, 0, // avgFrameRate: unknown
		(sps.MaxSubLayersMinus1+1)<<3|nested|3, // constantFrameRate: unknown
		3,
	)
	for i, kind := range [][][]byte{s.vps, s.sps, s.pps} {
		b = append(b, 0x80|byte(32+i))
		b = binary.BigEndian.AppendUint16(b, uint16(len(kind)))
		for _, set := range kind {
			b = appendSet(b, set)
		}
	}
	return b
}
