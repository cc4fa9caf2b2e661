package rtc

import (
	"strings"

	"github.com/pion/webrtc/v4"

	"weir/pipeline/media"
)

// mimes are the names of the codecs that a pipeline carries over RTP, in the order in
// which they are preferred: what every output can take comes first.
func mimes() []struct {
	name  string
	codec media.Codec
} {
	return []struct {
		name  string
		codec media.Codec
	}{
		{"H264", media.CodecH264}, // RFC 6184
		{"H265", media.CodecH265}, // RFC 7798
		{"AV1", media.CodecAV1},   // RTP Payload Format For AV1 1.0
		{"VP9", media.CodecVP9},   // RFC 9628
		{"VP8", media.CodecVP8},   // RFC 7741
		{"opus", media.CodecOpus}, // RFC 7587
	}
}

// codecOf is the codec of an encoding name in an rtpmap, and how much it is
// preferred; 0 for one that is not carried.
func codecOf(encoding string) (codec media.Codec, rank int) {
	for i, m := range mimes() {
		if strings.EqualFold(m.name, encoding) {
			return m.codec, i
		}
	}
	return 0, len(mimes())
}

// preference is the rank of a codec that is carried.
func preference(c media.Codec) int {
	for i, m := range mimes() {
		if m.codec == c {
			return i
		}
	}
	return len(mimes())
}

// mediaEngine knows the formats that are taken from publishers. An answer uses the
// offer's payload types; the ones here only have to differ.
func mediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	opus := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: uint32(media.OpusRate), Channels: 2,
			SDPFmtpLine:  "minptime=10;useinbandfec=1;stereo=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "transport-cc"}},
		},
		PayloadType: 111,
	}
	if err := m.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	payload := webrtc.PayloadType(35)
	for _, v := range videoFormats() {
		for _, p := range []webrtc.RTPCodecParameters{
			{RTPCodecCapability: v, PayloadType: payload},
			{RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: v.ClockRate, SDPFmtpLine: "apt=" + payloadName(payload),
			}, PayloadType: payload + 1},
		} {
			if err := m.RegisterCodec(p, webrtc.RTPCodecTypeVideo); err != nil {
				return nil, err
			}
		}
		payload += 2
	}
	return m, registerExtensions(m)
}

// videoFormats lists the formats of video with their parameters.
func videoFormats() []webrtc.RTPCodecCapability {
	formats := []webrtc.RTPCodecCapability{{MimeType: webrtc.MimeTypeH265}}
	for _, profile := range []string{"42e01f", "42001f", "4d001f", "640c1f", "64001f"} {
		formats = append(formats, webrtc.RTPCodecCapability{
			MimeType:    webrtc.MimeTypeH264,
			SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile,
		})
	}
	formats = append(formats,
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeAV1},
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP9, SDPFmtpLine: "profile-id=0"},
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP9, SDPFmtpLine: "profile-id=2"},
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8},
	)
	for i := range formats {
		formats[i].ClockRate = uint32(media.VideoRate)
		formats[i].RTCPFeedback = []webrtc.RTCPFeedback{
			{Type: "transport-cc"},
			{Type: "ccm", Parameter: "fir"},
			{Type: "nack"},
			{Type: "nack", Parameter: "pli"},
		}
	}
	return formats
}
