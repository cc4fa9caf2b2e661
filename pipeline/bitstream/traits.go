package bitstream

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"weir/pipeline/media"
)

// Traits are what a configuration tells that makes no difference to those who carry the
// stream, and some to those who show it. What it does not tell is zero.
type Traits struct {
	// Profile is the name of H.264's ("Baseline", "Main", "High"; "other" for those that
	// no broadcast has) or AAC's ("LC", "HE", "HEv2").
	Profile string
	// Level is ten times H.264's level: 41 for 4.1.
	Level int
	// Interlaced says that pictures are made of fields.
	Interlaced bool
	// PixelAspect is the width of a pixel by its height.
	PixelAspect float64
	// HDR says that brightness is coded by PQ or HLG (ITU-T H.273 table 3).
	HDR bool
	// Constant says that the encoder has promised a constant bitrate.
	Constant bool
}

// Traits are those of the first parameter sets.
func (p *Params) Traits() Traits {
	switch p.Codec {
	case media.CodecH264:
		return h264Traits(p.sets.sps[0])
	case media.CodecH265:
		return h265Traits(p.sets.sps[0])
	case media.CodecAV1:
		return av1Traits(p.sets.sps[0])
	case media.CodecAAC:
		return aacTraits(p.Config)
	case media.CodecVP8, media.CodecVP9, media.CodecOpus, media.CodecMP3:
	}
	return Traits{}
}

func h264Traits(b []byte) Traits {
	var s h264.SPS
	if s.Unmarshal(b) != nil {
		return Traits{}
	}
	t := Traits{Profile: "other", Level: int(s.LevelIdc), Interlaced: !s.FrameMbsOnlyFlag}
	switch s.ProfileIdc {
	case 66:
		t.Profile = "Baseline"
	case 77:
		t.Profile = "Main"
	case 100:
		t.Profile = "High"
	}
	v := s.VUI
	if v == nil {
		return t
	}
	if v.AspectRatioInfoPresentFlag {
		t.PixelAspect = pixelAspect(v.AspectRatioIdc, v.SarWidth, v.SarHeight)
	}
	t.HDR = v.ColourDescriptionPresentFlag && isHDR(v.TransferCharacteristics)
	for _, h := range []*h264.SPS_HRD{v.NalHRD, v.VclHRD} {
		t.Constant = t.Constant || h != nil && len(h.CbrFlag) > 0 && h.CbrFlag[0]
	}
	return t
}

func h265Traits(b []byte) Traits {
	var s h265.SPS
	if s.Unmarshal(b) != nil {
		return Traits{}
	}
	l := s.ProfileTierLevel
	t := Traits{Interlaced: l.GeneralInterlacedSourceFlag && !l.GeneralProgressiveSourceFlag}
	if v := s.VUI; v != nil {
		if v.AspectRatioInfoPresentFlag {
			t.PixelAspect = pixelAspect(v.AspectRatioIdc, v.SarWidth, v.SarHeight)
		}
		t.HDR = isHDR(v.TransferCharacteristics)
	}
	return t
}

func av1Traits(b []byte) Traits {
	var h av1.SequenceHeader
	if h.Unmarshal(b) != nil {
		return Traits{}
	}
	return Traits{HDR: h.ColorConfig.ColorDescriptionPresentFlag && isHDR(uint8(h.ColorConfig.TransferCharacteristics))}
}

func aacTraits(config []byte) Traits {
	c, err := readAudioConfig(config)
	switch {
	case err != nil:
		return Traits{}
	case c.object == aacPS:
		return Traits{Profile: "HEv2"}
	case c.object == aacSBR:
		return Traits{Profile: "HE"}
	default:
		return Traits{Profile: "LC"}
	}
}

func isHDR(transfer uint8) bool { return transfer == 16 || transfer == 18 }

// pixelAspect reads a sample aspect ratio (ITU-T H.264 table E-1, which H.265 shares).
func pixelAspect(idc uint8, width, height uint16) float64 {
	table := [...][2]float64{
		{1, 1},
		{12, 11},
		{10, 11},
		{16, 11},
		{40, 33},
		{24, 11},
		{20, 11},
		{32, 11},
		{80, 33},
		{18, 11},
		{15, 11},
		{64, 33},
		{160, 99},
		{4, 3},
		{3, 2},
		{2, 1},
	}
	switch {
	case idc >= 1 && int(idc) <= len(table):
		return table[idc-1][0] / table[idc-1][1]
	case idc == 255 && width > 0 && height > 0:
		return float64(width) / float64(height)
	default:
		return 0
	}
}

// OpenGOP says whether a unit in normal form is one at which decoding could begin, but
// for pictures behind it that refer to what comes before: an H.264 recovery point, a
// CRA picture of H.265.
func OpenGOP(codec media.Codec, access [][]byte) bool {
	point := false
	for _, nal := range access {
		switch {
		case codec == media.CodecH264 && len(nal) > 1 && nal[0]&0x1F == 5:
			return false
		case codec == media.CodecH264 && len(nal) > 1 && nal[0]&0x1F == 6:
			point = point || h264RecoveryPoint(nal[1:])
		case codec == media.CodecH265 && len(nal) > 1 && nal[0]>>1&0x3F == 21:
			return true
		}
	}
	return point
}

// h264RecoveryPoint looks for a recovery point among SEI messages (ITU-T H.264 sections
// 7.3.2.3 and D.1.8).
func h264RecoveryPoint(b []byte) bool {
	const recoveryPoint, longest = 6, 4096
	b = h264.EmulationPreventionRemove(b[:min(len(b), longest)])
	number := func() (n int, ok bool) {
		for len(b) > 0 {
			c := b[0]
			n, b = n+int(c), b[1:]
			if c != 0xFF {
				return n, true
			}
		}
		return 0, false
	}
	for {
		typ, ok := number()
		if !ok {
			return false
		}
		size, ok := number()
		if !ok || size > len(b) {
			return false
		}
		if typ == recoveryPoint && size > 0 {
			return true
		}
		b = b[size:]
	}
}
