package bitstream

import (
	"math/bits"
	"slices"

	"weir/pipeline/media"
)

// OBU types (AV1 section 6.2.2).
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrameHeader       = 3
	obuFrame             = 6
	obuTileList          = 8
	obuPadding           = 15
)

func obuType(obu []byte) byte { return obu[0] >> 3 & 0xF }

// obuHeader is the length of an OBU's header without its size field.
func obuHeader(obu []byte) int {
	if obu[0]&4 != 0 { // obu_extension_flag
		return 2
	}
	return 1
}

// splitTemporalUnit takes OBUs in low overhead format apart (AV1 section 5.2).
func splitTemporalUnit(p *Params, payload []byte) (AU, error) {
	obus, err := SplitOBUs(payload)
	if err != nil {
		return AU{}, err
	}
	return normalOBUs(p, obus)
}

// SplitOBUs is the OBUs of a temporal unit in low overhead format (AV1 section
// 5.2), as slices of it, each without size field. To save copies the header of
// each is moved onto its own size field: tu must not be used any more. The last
// OBU may lack a size.
func SplitOBUs(tu []byte) ([][]byte, error) {
	if len(tu) > MaxUnit {
		return nil, malformed("temporal unit of %d bytes", len(tu))
	}
	n, err := countOBUs(tu)
	if err != nil {
		return nil, err
	}
	obus := make([][]byte, 0, n)
	for len(tu) > 0 {
		header := obuHeader(tu)
		if tu[0]&2 == 0 { // obu_has_size_field
			obus = append(obus, tu)
			break
		}
		size, width, _ := leb128(tu[header:])
		end := header + width + size
		if header == 2 {
			tu[1+width] = tu[1]
		}
		tu[width] = tu[0] &^ 2
		obus = append(obus, tu[width:end:end])
		tu = tu[end:]
	}
	return obus, nil
}

// countOBUs is the number of OBUs, once the whole unit has proved well formed.
func countOBUs(tu []byte) (int, error) {
	n := 0
	for len(tu) > 0 {
		if n++; n > MaxNALs {
			return 0, malformed("temporal unit of more than %d OBUs", MaxNALs)
		}
		if tu[0]&0x80 != 0 {
			return 0, malformed("OBU: forbidden bit is set")
		}
		header := obuHeader(tu)
		if header > len(tu) {
			return 0, malformed("OBU: cut off inside its header")
		}
		if tu[0]&2 == 0 {
			break
		}
		size, width, ok := leb128(tu[header:])
		if !ok || size > len(tu)-header-width {
			return 0, malformed("OBU: longer than what remains")
		}
		tu = tu[header+width+size:]
	}
	return n, nil
}

// leb128 reads a number of at most 32 bits (AV1 section 4.10.5) and the bytes
// that it takes.
func leb128(b []byte) (value, width int, ok bool) {
	for i := range min(8, len(b)) {
		value |= int(b[i]&0x7F) << (7 * i)
		if b[i]&0x80 == 0 {
			return value, i + 1, value <= 1<<32-1
		}
	}
	return 0, 0, false
}

func leb128Width(n int) int { return max(1, (bits.Len(uint(n))+6)/7) }

func appendLEB128(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// JoinOBUs is the OBUs in one buffer in low overhead format, each with a size. No
// temporal delimiter is put before them, as ISOBMFF wants it.
func JoinOBUs(obus [][]byte) []byte { return appendOBUs(nil, obus) }

func appendOBUs(dst []byte, obus [][]byte) []byte {
	size := 0
	for _, o := range obus {
		size += len(o) + leb128Width(len(o))
	}
	dst = slices.Grow(dst, size)
	for _, o := range obus {
		if len(o) == 0 || obuHeader(o) > len(o) {
			continue
		}
		h := obuHeader(o)
		dst = append(dst, o[0]|2)
		dst = append(dst, o[1:h]...)
		dst = appendLEB128(dst, len(o)-h)
		dst = append(dst, o[h:]...)
	}
	return dst
}

// av1Flags finds a shown key frame: such a unit is Key if its sequence header is
// there too.
func av1Flags(access [][]byte) media.Flags {
	sequence, key := false, false
	for _, o := range access {
		if len(o) == 0 {
			continue
		}
		switch obuType(o) {
		case obuSequenceHeader:
			sequence = true
		case obuFrame, obuFrameHeader:
			key = key || shownKeyFrame(o)
		}
	}
	if sequence && key {
		return media.Key | media.FrameEnd
	}
	return media.FrameEnd
}

// shownKeyFrame reads the first bits of an uncompressed_header (AV1 section
// 5.9.2): show_existing_frame 0, frame_type KEY_FRAME, show_frame 1. The header
// of a reduced still picture starts otherwise; nobody streams those.
func shownKeyFrame(obu []byte) bool {
	h := obuHeader(obu)
	return h < len(obu) && obu[h]>>4 == 0b0001
}
