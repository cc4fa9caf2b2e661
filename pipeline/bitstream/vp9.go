package bitstream

import (
	"fmt"

	"weir/pipeline/media"
)

// vpccSize is the length of a VPCodecConfigurationRecord with the version and flags of
// the box before it (VP codec ISO media file format binding, section "VP Codec
// Configuration Box"); a codec initialization data is not used with VP9.
const vpccSize = 12

// parseVPCC reads the payload of a vpcC box. It says nothing of the size of pictures,
// which stays 0.
func parseVPCC(config []byte, _ Limits) (*Params, error) {
	if len(config) != vpccSize || config[0] != 1 || config[10] != 0 || config[11] != 0 {
		return nil, malformed("VP9 configuration: not a vpcC record")
	}
	profile, level, depth := config[4], config[5], config[6]>>4
	if profile > 3 || depth != 8 && depth != 10 && depth != 12 {
		return nil, malformed("VP9 configuration: profile %d with %d bits", profile, depth)
	}
	return &Params{
		Codec: media.CodecVP9, Rate: media.VideoRate, Config: append([]byte(nil), config...),
		name: fmt.Sprintf("vp09.%02d.%02d.%02d", profile, level, depth),
	}, nil
}

// vp9FromSets describes a key frame, of which VP9 has its configuration. Where a picture
// has spatial layers, its size is that of the lowest.
func vp9FromSets(sets [][]byte, l Limits) (*Params, error) {
	if len(sets) == 0 {
		return nil, malformed("VP9 frame: nothing in it")
	}
	h, err := readVP9(sets[0])
	if err != nil {
		return nil, err
	}
	if err := l.picture(uint64(h.width), uint64(h.height)); err != nil {
		return nil, err
	}
	config := []byte{
		1, 0, 0, 0, h.profile, vp9Level(h.width, h.height),
		h.depth<<4 | h.subsampling<<1 | flag(h.full), 2, 2, h.matrix, 0, 0, // colours as nobody has said
	}
	p, err := parseVPCC(config, l)
	if err != nil {
		return nil, err
	}
	p.Width, p.Height, p.limits = h.width, h.height, l
	return p, nil
}

// vp9Header is what a key frame says of itself.
type vp9Header struct {
	profile, depth byte
	subsampling    byte // as vpcC has it: 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4
	full           bool // the range of values
	matrix         byte // ITU-T H.273 table 4
	width, height  int
}

// vp9Key begins to read an uncompressed header (VP9 bitstream specification, section
// 6.2) and says whether it is that of a key frame.
func vp9Key(r *bitReader) (profile byte, key bool) {
	if r.bits(2) != 2 { // frame_marker
		return 0, false
	}
	profile = byte(r.bit() | r.bit()<<1)
	if profile == 3 {
		r.bit()
	}
	existing, inter := r.flag(), r.flag()
	return profile, !existing && !inter && !r.short
}

func readVP9(frame []byte) (h vp9Header, err error) {
	r := bitReader{buf: frame}
	var key bool
	if h.profile, key = vp9Key(&r); !key {
		return h, malformed("VP9 frame: not a key frame")
	}
	if r.bits(2); r.bits(24) != 0x498342 { // show_frame, error_resilient_mode, frame_sync_code
		return h, malformed("VP9 key frame without a sync code")
	}
	h.colour(&r)
	h.width, h.height = int(r.bits(16))+1, int(r.bits(16))+1
	if r.short {
		return h, malformed("VP9 key frame: cut off")
	}
	return h, nil
}

// colour reads a color_config (section 6.2.2).
func (h *vp9Header) colour(r *bitReader) {
	const rgb = 7
	h.depth, h.subsampling = 8, 1
	if h.profile >= 2 {
		h.depth = 10 + 2*byte(r.bit())
	}
	odd := h.profile&1 != 0
	space := r.bits(3)
	// BT.601, BT.709, SMPTE 170, SMPTE 240, BT.2020, reserved, RGB.
	h.matrix = [...]byte{2, 6, 1, 6, 7, 9, 2, 0}[space]
	if space == rgb {
		h.full, h.subsampling = true, 3
		if odd {
			r.bit()
		}
		return
	}
	h.full = r.flag()
	if odd {
		across, down := r.flag(), r.flag()
		r.bit()
		switch {
		case across && !down:
			h.subsampling = 2
		case !across:
			h.subsampling = 3 // 4:4:0, too, which vpcC has no word for
		}
	}
}

// vp9Level is ten times the least level that pictures of such a size need with 60 of
// them a second, since a stream does not tell how many there are.
func vp9Level(width, height int) byte {
	picture := uint64(width) * uint64(height)
	for _, l := range [...]struct {
		level       byte
		rate, luma  uint64 // samples a second and in a picture
		longestSide int
	}{
		{10, 829_440, 36_864, 512},
		{11, 2_764_800, 73_728, 768},
		{20, 4_608_000, 122_880, 960},
		{21, 9_216_000, 245_760, 1344},
		{30, 20_736_000, 552_960, 2048},
		{31, 36_864_000, 983_040, 2752},
		{40, 83_558_400, 2_228_224, 4160},
		{41, 160_432_128, 2_228_224, 4160},
		{50, 311_951_360, 8_912_896, 8384},
		{51, 588_251_136, 8_912_896, 8384},
		{52, 1_176_502_272, 8_912_896, 8384},
		{60, 1_176_502_272, 35_651_584, 16_832},
		{61, 2_353_004_544, 35_651_584, 16_832},
	} {
		if picture <= l.luma && 60*picture <= l.rate && max(width, height) <= l.longestSide {
			return l.level
		}
	}
	return 62
}

func splitFrame(p *Params, payload []byte) (AU, error) {
	if len(payload) == 0 {
		return AU{Flags: media.FrameEnd}, nil
	}
	return normalVP9(p, [][]byte{payload})
}

// normalVP9 takes a picture as it is.
func normalVP9(p *Params, frames [][]byte) (AU, error) {
	au := AU{Access: frames, Flags: vp9Flags(frames)}
	if !au.Flags.Has(media.Key) {
		return au, nil
	}
	next, err := vp9FromSets(frames, p.limits.withDefaults())
	if err != nil {
		return AU{}, err
	}
	if string(next.Config) != string(p.Config) || next.Width != p.Width || next.Height != p.Height {
		au.Params = next
	}
	return au, nil
}

func vp9Flags(frames [][]byte) media.Flags {
	if len(frames) > 0 {
		if _, key := vp9Key(&bitReader{buf: frames[0]}); key {
			return media.Key | media.FrameEnd
		}
	}
	return media.FrameEnd
}
