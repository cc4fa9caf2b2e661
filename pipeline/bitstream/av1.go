package bitstream

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"weir/pipeline/media"
)

// parseAV1C reads an AV1CodecConfigurationRecord (AV1 in ISOBMFF section 2.3.3).
// Size and rate come from the sequence header, which must be in it.
func parseAV1C(config []byte, l Limits) (*Params, error) {
	if len(config) < 4 || config[0] != 0x81 {
		return nil, malformed("AV1 configuration: not an av1C record")
	}
	// SplitOBUs writes into what it splits.
	obus, err := SplitOBUs(slices.Clone(config[4:]))
	if err != nil {
		return nil, err
	}
	return av1FromSets(obus, l)
}

// av1FromSets describes the first sequence header among OBUs.
func av1FromSets(obus [][]byte, l Limits) (*Params, error) {
	i := slices.IndexFunc(obus, func(o []byte) bool { return len(o) > 0 && obuType(o) == obuSequenceHeader })
	if i < 0 {
		return nil, malformed("AV1 configuration: no sequence header")
	}
	return newAV1(obus[i], l)
}

// newAV1 describes a sequence header OBU, of which it keeps a copy.
func newAV1(header []byte, l Limits) (*Params, error) {
	if len(header) > maxSet || header[0]&2 != 0 {
		return nil, malformed("AV1 sequence header: too long, or with a size field")
	}
	header = slices.Clone(header)
	var h av1.SequenceHeader
	if err := h.Unmarshal(header); err != nil {
		return nil, malformed("AV1 sequence header: %v", err)
	}
	if h.SeqProfile > 2 {
		return nil, malformed("AV1 sequence header: profile %d", h.SeqProfile)
	}
	width, height := uint64(h.MaxFrameWidthMinus1)+1, uint64(h.MaxFrameHeightMinus1)+1
	if err := l.picture(width, height); err != nil {
		return nil, err
	}
	p := &Params{
		Codec: media.CodecAV1, Rate: media.VideoRate, Width: int(width), Height: int(height),
		sets: paramSets{sps: [][]byte{header}}, limits: l, name: av1Name(&h),
	}
	if t := h.TimingInfo; t != nil && t.EqualPictureInterval && t.NumUnitsInDisplayTick > 0 {
		ticks := float64(t.NumUnitsInDisplayTick) * (float64(t.NumTicksPerPictureMinus1) + 1)
		p.FPS = float64(t.TimeScale) / ticks
		if err := l.frameRate(p.FPS); err != nil {
			return nil, err
		}
	}
	p.Config = append(av1Record(&h), JoinOBUs([][]byte{header})...)
	return p, nil
}

// av1Record is the 4 bytes before the OBUs of an AV1CodecConfigurationRecord.
func av1Record(h *av1.SequenceHeader) []byte {
	c := &h.ColorConfig
	b := flag(h.SeqTier[0])<<7 | flag(c.HighBitDepth)<<6 | flag(c.TwelveBit)<<5 | flag(c.MonoChrome)<<4 |
		flag(c.SubsamplingX)<<3 | flag(c.SubsamplingY)<<2 | byte(c.ChromaSamplePosition)&3
	return []byte{0x81, h.SeqProfile<<5 | h.SeqLevelIdx[0], b, 0}
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// av1Name is the codec string of AV1 in ISOBMFF section 5, in its short form
// unless picture or colours differ from what the short form stands for.
func av1Name(h *av1.SequenceHeader) string {
	tier, c := byte('M'), &h.ColorConfig
	if h.SeqTier[0] {
		tier = 'H'
	}
	name := fmt.Sprintf("av01.%d.%02d%c.%02d", h.SeqProfile, h.SeqLevelIdx[0], tier, c.BitDepth)
	plain := !c.MonoChrome && c.SubsamplingX && c.SubsamplingY && !c.ColorDescriptionPresentFlag && !c.ColorRange
	if plain {
		return name
	}
	position := byte(0)
	if c.SubsamplingX && c.SubsamplingY {
		position = byte(c.ChromaSamplePosition)
	}
	primaries, transfer, matrix := byte(1), byte(1), byte(1)
	if c.ColorDescriptionPresentFlag {
		primaries, transfer, matrix = byte(c.ColorPrimaries), byte(c.TransferCharacteristics), byte(c.MatrixCoefficients)
	}
	return fmt.Sprintf("%s.%d.%d%d%d.%02d.%02d.%02d.%d", name, flag(c.MonoChrome),
		flag(c.SubsamplingX), flag(c.SubsamplingY), position, primaries, transfer, matrix, flag(c.ColorRange))
}

// normalOBUs brings OBUs into normal form, in place: delimiters, padding and
// repeats of the sequence header go, and a key frame without a sequence header
// gets the one of the configuration.
func normalOBUs(p *Params, obus [][]byte) (AU, error) {
	var header []byte
	picture, key := false, false
	kept := obus[:0]
	for _, o := range obus {
		if len(o) == 0 || obuHeader(o) > len(o) {
			continue
		}
		switch obuType(o) {
		case obuTemporalDelimiter, obuPadding, obuTileList:
			continue
		case obuSequenceHeader:
			if bytes.Equal(o, header) {
				continue
			}
			if header != nil {
				return AU{}, malformed("temporal unit with two sequence headers")
			}
			header = o
		case obuFrame, obuFrameHeader:
			picture = true
			key = key || shownKeyFrame(o)
		}
		kept = append(kept, o)
	}
	au := AU{Flags: media.FrameEnd}
	if key {
		au.Flags |= media.Key
		if header == nil {
			kept = slices.Insert(kept, 0, p.sets.sps[0])
		}
	}
	if picture {
		au.Access = kept
	}
	if header == nil || bytes.Equal(header, p.sets.sps[0]) {
		return au, nil
	}
	if picture && !key {
		return AU{}, malformed("temporal unit: the sequence header changes without a key frame")
	}
	var err error
	au.Params, err = newAV1(header, p.limits)
	return au, err
}
