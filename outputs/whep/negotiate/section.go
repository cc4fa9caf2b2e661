package negotiate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// format is one payload type that a section offers.
type format struct {
	payloadType uint8
	name        string // as in rtpmap, in lower case: "h264/90000", "opus/48000/2"
	parameters  string // the value of fmtp, as it came
	feedback    []string
}

// parameter is a value of fmtp.
func (f format) parameter(key string) string {
	for p := range strings.SplitSeq(f.parameters, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(k, key) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// isSRTP says whether a section's protocol is one that DTLS-SRTP serves: the
// feedback profile, by UDP or TCP.
func isSRTP(protos []string) bool {
	p := strings.Join(protos, "/")
	return p == "UDP/TLS/RTP/SAVPF" || p == "TCP/TLS/RTP/SAVPF" || p == "TCP/DTLS/RTP/SAVPF" || p == "RTP/SAVPF"
}

func parseSection(desc *sdp.SessionDescription, md *sdp.MediaDescription) (section, error) {
	s := section{
		kind: md.MediaName.Media, protos: md.MediaName.Protos, names: md.MediaName.Formats,
		extensions: make(map[string]uint8),
	}
	if len(s.names) > maxFormats {
		return s, unsupported("more than %d formats in one m-line", maxFormats)
	}
	s.mid, _ = md.Attribute("mid")
	if !token(s.mid) && s.mid != "" {
		return s, malformed("mid:%s", clip(s.mid))
	}
	_, mux := attribute(desc, md, "rtcp-mux")
	_, only := md.Attribute("bundle-only") // then port 0 is not a refusal (RFC 8843 section 6)
	s.wants = mux && isSRTP(s.protos) && (md.MediaName.Port.Value != 0 || only) && receives(desc, md) &&
		(s.kind == "audio" || s.kind == "video")
	if !s.wants {
		return s, nil
	}
	for _, name := range s.names {
		pt, err := strconv.ParseUint(name, 10, 7)
		if err != nil {
			return s, malformed("payload type %s", clip(name))
		}
		s.formats = append(s.formats, format{payloadType: uint8(pt)})
	}
	for _, a := range md.Attributes {
		s.attribute(a)
	}
	return s, nil
}

// receives says whether the viewer would take media (RFC 8866 section 6.7).
func receives(desc *sdp.SessionDescription, md *sdp.MediaDescription) bool {
	for _, attrs := range [][]sdp.Attribute{md.Attributes, desc.Attributes} {
		for _, a := range attrs {
			switch a.Key {
			case "recvonly", "sendrecv":
				return true
			case "sendonly", "inactive":
				return false
			}
		}
	}
	return true
}

// attribute notes one line of a section. What cannot be read is as if it were not
// there.
func (s *section) attribute(a sdp.Attribute) {
	head, rest, _ := strings.Cut(a.Value, " ")
	switch a.Key {
	case "rtpmap":
		for f := range s.of(head) {
			f.name = strings.ToLower(strings.TrimSpace(rest))
		}
	case "fmtp":
		for f := range s.of(head) {
			f.parameters = strings.TrimSpace(rest)
		}
	case "rtcp-fb":
		for f := range s.of(head) {
			if len(f.feedback) < 16 {
				f.feedback = append(f.feedback, strings.TrimSpace(rest))
			}
		}
	case "extmap":
		id, _, _ := strings.Cut(head, "/") // a direction may follow
		uri, _, _ := strings.Cut(rest, " ")
		if n, err := strconv.ParseUint(id, 10, 8); err == nil && n >= 1 && n <= 14 {
			s.extensions[uri] = uint8(n)
		}
	}
}

// of yields the formats that a payload type names, "*" being all.
func (s *section) of(pt string) func(yield func(*format) bool) {
	return func(yield func(*format) bool) {
		for i := range s.formats {
			f := &s.formats[i]
			if (pt == "*" || pt == strconv.Itoa(int(f.payloadType))) && !yield(f) {
				return
			}
		}
	}
}

// retransmission is the payload type of RFC 4588 for another one; 0 if none.
func (s *section) retransmission(of uint8) uint8 {
	i := slices.IndexFunc(s.formats, func(f format) bool {
		return f.name == "rtx/90000" && f.parameter("apt") == strconv.Itoa(int(of))
	})
	if i < 0 {
		return 0
	}
	return s.formats[i].payloadType
}

// token says whether s is a token (RFC 8866 section 9) that is short enough.
func token(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]`, c) })
}
