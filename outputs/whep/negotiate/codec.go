package negotiate

import (
	"strconv"
	"strings"

	"weir/pipeline/media"
)

// codec is how a codec is spoken of in SDP.
type codec struct {
	name string // as in rtpmap
	// rank says how well an offered format fits a track: 0 not at all.
	rank func(f format, config []byte) int
	// own are further parameters of what is sent, beside those that were offered.
	own func(t *media.Track) string
}

func codecOf(c media.Codec) (codec, bool) {
	switch c {
	case media.CodecH264:
		return codec{name: "H264/90000", rank: rankH264}, true
	case media.CodecH265:
		return codec{name: "H265/90000", rank: rankH265}, true
	case media.CodecAV1:
		return codec{name: "AV1/90000", rank: rankProfile("profile")}, true
	case media.CodecVP8:
		return codec{name: "VP8/90000", rank: anyFormat}, true
	case media.CodecVP9:
		return codec{name: "VP9/90000", rank: rankProfile("profile-id")}, true
	case media.CodecOpus:
		return codec{name: "opus/48000/2", rank: anyFormat, own: opusParameters}, true
	default:
		return codec{}, false
	}
}

func anyFormat(format, []byte) int { return 1 }

// rankH264 prefers the format whose profile the stream has, then richer profiles,
// which decoders that name them can surely take, then any: browsers decode more
// than they offer. Without packetization-mode 1 there are no fragments (RFC 6184
// section 5.4), and nothing can be sent.
func rankH264(f format, config []byte) int {
	if f.parameter("packetization-mode") != "1" {
		return 0
	}
	id, err := strconv.ParseUint(f.parameter("profile-level-id"), 16, 24)
	if err != nil {
		id = 0x42000a // RFC 6184 section 8.1
	}
	offered, baseline := byte(id>>16), byte(0x42)
	has := baseline
	if len(config) > 3 {
		has = config[1]
	}
	switch {
	case offered == has && (has != baseline || id>>8&0x40 != 0): // constrained baseline before baseline
		return 5
	case offered == has:
		return 4
	case offered == 0x64: // High
		return 3
	case offered == 0x4d: // Main
		return 2
	default:
		return 1
	}
}

// rankH265 prefers the format with the stream's general_profile_idc, 1 unless it
// is said (RFC 7798 section 7.1).
func rankH265(f format, config []byte) int {
	profile := f.parameter("profile-id")
	if profile == "" {
		profile = "1"
	}
	if len(config) > 1 && profile == strconv.Itoa(int(config[1]&0x1f)) {
		return 2
	}
	return 1
}

// rankProfile takes profile 0 only, which is 8 bit 4:2:0.
func rankProfile(parameter string) func(format, []byte) int {
	return func(f format, _ []byte) int {
		if p := f.parameter(parameter); p != "" && p != "0" {
			return 0
		}
		return 1
	}
}

func opusParameters(t *media.Track) string {
	if t.Channels == 2 {
		return "stereo=1;sprop-stereo=1" // RFC 7587 section 6.1
	}
	return ""
}

// parameters is the fmtp value of the answer: what was offered, and ours.
func (c codec) parameters(f format, t *media.Track) string {
	all := f.parameters
	if c.own == nil {
		return all
	}
	for p := range strings.SplitSeq(c.own(t), ";") {
		if key, _, _ := strings.Cut(p, "="); key == "" || f.parameter(key) != "" {
			continue
		}
		all = strings.TrimPrefix(all+";"+p, ";")
	}
	return all
}
