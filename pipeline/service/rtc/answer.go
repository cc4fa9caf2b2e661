package rtc

import (
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"weir/pipeline/media"
)

// forPion is the offer as the PeerConnection is to see it: without the publisher's
// candidates, which an ICE-lite agent has no use for, and without the choice of the
// DTLS role (RFC 8842 section 5): the publisher, which knows first that a pair works,
// begins. With other credentials it is an ICE restart.
func (o *Offer) forPion(c credentials) (webrtc.SessionDescription, error) {
	d := *o.description
	d.Attributes = forPion(d.Attributes, c)
	d.MediaDescriptions = nil
	for _, m := range o.description.MediaDescriptions {
		setup := o.attribute(m, "setup")
		if setup != "passive" {
			setup = "active"
		}
		m := *m
		m.Attributes = append(forPion(m.Attributes, c), sdp.Attribute{Key: "setup", Value: setup})
		d.MediaDescriptions = append(d.MediaDescriptions, &m)
	}
	text, err := d.Marshal()
	return webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(text)}, err
}

func forPion(attributes []sdp.Attribute, c credentials) []sdp.Attribute {
	out := make([]sdp.Attribute, 0, len(attributes))
	for _, a := range attributes {
		switch a.Key {
		case "candidate", "end-of-candidates", "remote-candidates", "setup":
			continue
		case "ice-ufrag":
			a.Value = c.ufrag
		case "ice-pwd":
			a.Value = c.pwd
		}
		out = append(out, a)
	}
	return out
}

// answer is what a PeerConnection answered.
type answer struct {
	description *sdp.SessionDescription
	credentials credentials
	// codecs tells payload types apart, by kind of media.
	codecs map[media.Kind]map[uint8]media.Codec
	// nacks says what the publisher sends again (RFC 4585 section 4.2).
	nacks map[media.Kind]bool
}

// readAnswer takes the PeerConnection's answer, with our candidates in place of its
// own.
func readAnswer(text string, candidates []string) (*answer, error) {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(text); err != nil {
		return nil, err
	}
	a := &answer{description: d, codecs: make(map[media.Kind]map[uint8]media.Codec), nacks: make(map[media.Kind]bool)}
	for _, m := range d.MediaDescriptions {
		m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
			return a.Key == "candidate" || a.Key == "end-of-candidates"
		})
		sortExtensions(m)
		a.formats(m)
	}
	first := d.MediaDescriptions[0]
	a.credentials.ufrag, _ = first.Attribute("ice-ufrag")
	a.credentials.pwd, _ = first.Attribute("ice-pwd")
	for _, c := range candidates {
		key, value, _ := strings.Cut(c, ":")
		first.Attributes = append(first.Attributes, sdp.Attribute{Key: key, Value: value})
	}
	first.Attributes = append(first.Attributes, sdp.Attribute{Key: "end-of-candidates"})
	return a, nil
}

// sortExtensions puts header extensions into the order of their numbers: pion's is
// another each time.
func sortExtensions(m *sdp.MediaDescription) {
	extension := func(a sdp.Attribute) bool { return a.Key == "extmap" }
	first := slices.IndexFunc(m.Attributes, extension)
	if first < 0 {
		return
	}
	var all []sdp.Attribute
	m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
		if extension(a) {
			all = append(all, a)
		}
		return extension(a)
	})
	id := func(a sdp.Attribute) int {
		n, _, _ := strings.Cut(a.Value, " ")
		return number(n)
	}
	slices.SortFunc(all, func(a, b sdp.Attribute) int { return id(a) - id(b) })
	m.Attributes = slices.Insert(m.Attributes, first, all...)
}

func (a *answer) formats(m *sdp.MediaDescription) {
	if m.MediaName.Port.Value == 0 {
		return
	}
	codecs, nacks := make(map[uint8]media.Codec), false
	for _, at := range m.Attributes {
		payload, value, _ := strings.Cut(at.Value, " ")
		switch at.Key {
		case "rtpmap":
			encoding, _, _ := strings.Cut(value, "/")
			if codec, _ := codecOf(encoding); codec != 0 {
				codecs[uint8(number(payload))] = codec
			}
		case "rtcp-fb":
			nacks = nacks || strings.TrimSpace(value) == "nack"
		}
	}
	for kind, name := range map[media.Kind]string{media.KindVideo: "video", media.KindAudio: "audio"} {
		if m.MediaName.Media == name {
			a.codecs[kind], a.nacks[kind] = codecs, nacks
		}
	}
}

// number is a small decimal number, or 255.
func number(s string) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > 25 {
			return 255
		}
		n = n*10 + int(c-'0')
	}
	return min(n, 255)
}

// text is the answer as the publisher gets it.
func (a *answer) text() (string, error) {
	b, err := a.description.Marshal()
	return string(b), err
}

// fragment is what of the answer an ICE restart is answered with (RFC 9725 section
// 4.3.3, RFC 8840 section 9).
func (a *answer) fragment() string {
	var b strings.Builder
	b.WriteString("a=ice-lite\r\na=ice-ufrag:" + a.credentials.ufrag + "\r\na=ice-pwd:" + a.credentials.pwd + "\r\n")
	first := a.description.MediaDescriptions[0]
	mid, _ := first.Attribute("mid")
	b.WriteString("m=" + first.MediaName.Media + " 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:" + mid + "\r\n")
	for _, at := range first.Attributes {
		switch at.Key {
		case "candidate":
			b.WriteString("a=candidate:" + at.Value + "\r\n")
		case "end-of-candidates":
			b.WriteString("a=end-of-candidates\r\n")
		}
	}
	return b.String()
}
