package bitstream

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"weir/pipeline/media"
)

// h264Role reads a NAL unit's header (ITU-T H.264 table 7-1).
func h264Role(nal []byte) role {
	switch t := nal[0] & 0x1F; t {
	case 1, 2, 3, 4:
		if nal[0]&0x60 == 0 { // nal_ref_idc
			return roleDropSlice
		}
		return roleSlice
	case 5:
		return roleKeySlice
	case 7:
		return roleSPS
	case 8:
		return rolePPS
	case 9, 12, 13, 15: // delimiter, filler, sets of extensions that nobody decodes
		return roleDrop
	default:
		return roleOther
	}
}

func h264Flags(access [][]byte) media.Flags { return rolesFlags(access, h264Role) }

// parseAVC reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1.2).
func parseAVC(config []byte, l Limits) (*Params, error) {
	const what = "H.264 configuration"
	if len(config) < 7 || config[0] != 1 {
		return nil, malformed("%s: not an avcC record", what)
	}
	lengthSize := int(config[4]&3) + 1
	if lengthSize == 3 {
		return nil, malformed("%s: NAL unit lengths of 3 bytes", what)
	}
	var s paramSets
	rest := config[6:]
	var err error
	if s.sps, rest, err = readSets(rest, int(config[5]&0x1F)); err != nil {
		return nil, err
	}
	if len(rest) < 1 {
		return nil, malformed("%s: cut off", what)
	}
	if s.pps, _, err = readSets(rest[1:], int(rest[0])); err != nil {
		return nil, err
	}
	return newH264(s, lengthSize, l)
}

// readSets reads n parameter sets with a 2 byte length before each, leaving out
// empty ones and repeats.
func readSets(b []byte, n int) (sets [][]byte, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, malformed("configuration: cut off")
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size > len(b) {
			return nil, nil, malformed("configuration: parameter set of %d bytes where %d remain", size, len(b))
		}
		if size > 0 {
			sets = appendNew(sets, b[:size:size])
		}
		b = b[size:]
		if len(sets) > maxSets {
			return nil, nil, malformed("configuration: more than %d parameter sets of a kind", maxSets)
		}
	}
	return sets, b, nil
}

func h264FromSets(sets [][]byte, l Limits) (*Params, error) {
	p := Params{Codec: media.CodecH264}
	_, sps, pps := p.byKind(notEmpty(sets))
	return newH264(paramSets{sps: sps, pps: pps}, 4, l)
}

func notEmpty(sets [][]byte) [][]byte {
	var out [][]byte
	for _, s := range sets {
		if len(s) > 0 && len(out) < 4*maxSets {
			out = append(out, s)
		}
	}
	return out
}

// newH264 checks parameter sets and describes them. All SPS must be within the
// limits; the first one describes the track.
func newH264(s paramSets, lengthSize int, l Limits) (*Params, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	// The record counts SPS in 5 bits.
	if len(s.sps) == 0 || len(s.sps) > 31 || len(s.pps) == 0 {
		return nil, malformed("H.264 configuration: %d SPS and %d PPS", len(s.sps), len(s.pps))
	}
	p := &Params{
		Codec: media.CodecH264, Rate: media.VideoRate,
		sets: s.owned(), lengthSize: lengthSize, limits: l,
	}
	var first h264.SPS
	for _, sps := range slices.Backward(p.sets.sps) {
		var err error
		if first, err = p.readH264SPS(sps); err != nil {
			return nil, err
		}
	}
	for _, b := range p.sets.pps {
		if h264Role(b) != rolePPS || len(b) < 2 {
			return nil, malformed("H.264 configuration: PPS")
		}
	}
	sps := p.sets.sps[0]
	p.name = fmt.Sprintf("avc1.%02X%02X%02X", sps[1], sps[2], sps[3])
	p.Config = buildAVC(p.sets, first)
	return p, nil
}

// readH264SPS parses an SPS, compares it with the limits and takes size and frame
// rate from it.
func (p *Params) readH264SPS(b []byte) (h264.SPS, error) {
	var s h264.SPS
	if err := s.Unmarshal(b); err != nil {
		return s, malformed("H.264 SPS: %v", err)
	}
	// Ranges of ITU-T H.264 section 7.4.2.1.1, which the parser does not check
	// and which its other functions rely on.
	if len(b) < 4 || s.ID > 31 || s.ChromaFormatIdc > 3 || s.BitDepthLumaMinus8 > 6 || s.BitDepthChromaMinus8 > 6 ||
		s.Log2MaxFrameNumMinus4 > 12 || s.Log2MaxPicOrderCntLsbMinus4 > 12 {
		return s, malformed("H.264 SPS: value out of range")
	}
	fields := uint64(2)
	if s.FrameMbsOnlyFlag {
		fields = 1
	}
	width := (uint64(s.PicWidthInMbsMinus1) + 1) * 16
	height := (uint64(s.PicHeightInMapUnitsMinus1) + 1) * 16 * fields
	if err := p.limits.picture(width, height); err != nil {
		return s, err
	}
	if c := s.FrameCropping; c != nil {
		unitX, unitY := h264CropUnits(&s, fields)
		var ok bool
		if width, ok = crop(width, unitX, c.LeftOffset, c.RightOffset); !ok {
			return s, malformed("H.264 SPS: nothing left after cropping")
		}
		if height, ok = crop(height, unitY, c.TopOffset, c.BottomOffset); !ok {
			return s, malformed("H.264 SPS: nothing left after cropping")
		}
	}
	p.Width, p.Height = int(width), int(height)
	return s, p.h264FrameRate(&s)
}

// h264FrameRate believes a frame rate only where it is promised to be constant:
// time_scale is the clock of the encoder for the others, often 90 kHz.
func (p *Params) h264FrameRate(s *h264.SPS) error {
	p.FPS = 0
	if s.VUI == nil || s.VUI.TimingInfo == nil || s.VUI.TimingInfo.NumUnitsInTick == 0 {
		return nil
	}
	t := s.VUI.TimingInfo
	fps := float64(t.TimeScale) / (2 * float64(t.NumUnitsInTick))
	if t.FixedFrameRateFlag {
		if err := p.limits.frameRate(fps); err != nil {
			return err
		}
	}
	p.FPS = p.limits.hintFPS(fps)
	return nil
}

// h264CropUnits are CropUnitX and CropUnitY (ITU-T H.264 equations 7-19 to 7-22).
func h264CropUnits(s *h264.SPS, fields uint64) (x, y uint64) {
	x, y = 1, fields
	if s.SeparateColourPlaneFlag {
		return x, y
	}
	if s.ChromaFormatIdc == 1 || s.ChromaFormatIdc == 2 {
		x = 2
	}
	if s.ChromaFormatIdc == 1 {
		y *= 2
	}
	return x, y
}

func crop(size, unit uint64, a, b uint32) (uint64, bool) {
	cut := unit * (uint64(a) + uint64(b))
	return size - min(size, cut), cut < size
}

// buildAVC writes an AVCDecoderConfigurationRecord with 4 byte lengths.
func buildAVC(s paramSets, sps h264.SPS) []byte {
	b := []byte{1, s.sps[0][1], s.sps[0][2], s.sps[0][3], 0xFF, 0xE0 | byte(len(s.sps))}
	for _, set := range s.sps {
		b = appendSet(b, set)
	}
	b = append(b, byte(len(s.pps)))
	for _, set := range s.pps {
		b = appendSet(b, set)
	}
	switch s.sps[0][1] {
	case 66, 77, 88:
		return b
	default:
		return append(b, 0xFC|byte(sps.ChromaFormatIdc), 0xF8|byte(sps.BitDepthLumaMinus8),
			0xF8|byte(sps.BitDepthChromaMinus8), 0)
	}
}

func appendSet(b, set []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(set)))
	return append(b, set...)
}
