package rtc

import (
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"weir/pipeline/media"
)

// What an offer may hold.
const (
	// MaxSDP bounds an offer and a fragment, in bytes.
	MaxSDP        = 64 << 10
	maxCandidates = 64
	maxMedia      = 8
	maxLayers     = 8
	maxFormats    = 128 // of one medium; Chromium has 40
	maxAttributes = 512 // of one medium, or of the session
	maxName       = 32  // bytes of a mid or rid
)

// Medium is one kind of media that a publisher offers.
type Medium struct {
	Kind media.Kind
	// MID is the media identification tag (RFC 8843).
	MID string
	// Layers are the simulcast layers' restriction identifiers (RFC 8853), as
	// offered; empty for a single layer.
	Layers []string
	// Codecs are those that were offered and are taken, the preferred one first.
	Codecs []media.Codec
}

// Offer is a publisher's SDP offer (RFC 8829) that has been checked.
type Offer struct {
	// Media has at most one entry of a kind, and at least one.
	Media []Medium

	description *sdp.SessionDescription
	credentials credentials
}

// credentials are ICE's (RFC 8839 section 5.4).
type credentials struct{ ufrag, pwd string }

// ParseOffer checks the SDP offer of a publisher. Any error is a *[Refusal].
func ParseOffer(text []byte) (*Offer, error) {
	if len(text) > MaxSDP {
		return nil, refuse(Malformed, "The offer has %d bytes; at most %d are allowed.", len(text), MaxSDP)
	}
	d := &sdp.SessionDescription{}
	if err := d.Unmarshal(text); err != nil {
		return nil, refuse(Malformed, "The offer is no SDP: %v.", err)
	}
	o := &Offer{description: d}
	if err := o.check(); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Offer) check() error {
	d := o.description
	if n := len(d.MediaDescriptions); n == 0 || n > maxMedia {
		return refuse(Malformed, "The offer has %d media; between 1 and %d are allowed.", n, maxMedia)
	}
	candidates, attributes := 0, len(d.Attributes)
	for _, m := range d.MediaDescriptions {
		if n := len(m.MediaName.Formats); n > maxFormats {
			return refuse(Malformed, "The offer has %d formats of %s; at most %d are allowed.", n, m.MediaName.Media, maxFormats)
		}
		attributes = max(attributes, len(m.Attributes))
		for _, a := range m.Attributes {
			if a.Key == "candidate" {
				candidates++
			}
		}
	}
	if candidates > maxCandidates {
		return refuse(Malformed, "The offer has %d candidates; at most %d are allowed.", candidates, maxCandidates)
	}
	if attributes > maxAttributes {
		return refuse(Malformed, "The offer has %d attributes in one place; at most %d are allowed.", attributes, maxAttributes)
	}
	for _, m := range d.MediaDescriptions {
		if err := o.medium(m); err != nil {
			return err
		}
	}
	if len(d.MediaDescriptions) > 1 {
		return o.bundled()
	}
	return nil
}

// medium checks one media description and adds it to o.Media.
func (o *Offer) medium(m *sdp.MediaDescription) error {
	out := Medium{}
	switch m.MediaName.Media {
	case "audio":
		out.Kind = media.KindAudio
	case "video":
		out.Kind = media.KindVideo
	default:
		return refuse(Unsupported, "The offer has %q; only audio and video are taken.", m.MediaName.Media)
	}
	if slices.ContainsFunc(o.Media, func(p Medium) bool { return p.Kind == out.Kind }) {
		return refuse(Unsupported, "The offer has more than one %s; one of a kind is taken.", out.Kind)
	}
	if !slices.Contains(m.MediaName.Protos, "SAVPF") || !slices.Contains(m.MediaName.Protos, "TLS") {
		return refuse(Unsupported, "The %s is not sent by DTLS-SRTP (UDP/TLS/RTP/SAVPF).", out.Kind)
	}
	if _, ok := m.Attribute("rtcp-mux"); !ok {
		return refuse(Unsupported, "The %s needs a=rtcp-mux.", out.Kind)
	}
	for _, direction := range []string{"recvonly", "inactive"} {
		if o.has(m, direction) {
			return refuse(Unsupported, "The %s is %s; a publisher sends.", out.Kind, direction)
		}
	}
	var ok bool
	if out.MID, ok = m.Attribute("mid"); !ok || !validName(out.MID) {
		return refuse(Malformed, "The %s needs an a=mid of letters, digits and '-', '_'.", out.Kind)
	}
	if slices.ContainsFunc(o.Media, func(p Medium) bool { return p.MID == out.MID }) {
		return refuse(Malformed, "Two media have the a=mid %s.", out.MID)
	}
	if err := o.transport(m); err != nil {
		return err
	}
	if out.Codecs = prefer(m); len(out.Codecs) == 0 {
		return refuse(Unsupported, "None of the %s codecs that are offered is taken; H.264, H.265, AV1, VP9, VP8 and Opus are.", out.Kind)
	}
	var err error
	if out.Layers, err = simulcast(m); err != nil {
		return err
	}
	o.Media = append(o.Media, out)
	return nil
}

// has says whether m has a property attribute, of its own or from the session.
func (o *Offer) has(m *sdp.MediaDescription, key string) bool {
	if _, ok := m.Attribute(key); ok {
		return true
	}
	for _, own := range []string{"sendonly", "sendrecv", "recvonly", "inactive"} {
		if _, ok := m.Attribute(own); ok {
			return false
		}
	}
	_, ok := o.description.Attribute(key)
	return ok
}

// attribute is a value of m, or of the session if m has none.
func (o *Offer) attribute(m *sdp.MediaDescription, key string) string {
	if v, ok := m.Attribute(key); ok {
		return v
	}
	v, _ := o.description.Attribute(key)
	return v
}

// transport checks what ICE and DTLS need. All media share one transport, so that the
// first one's counts.
func (o *Offer) transport(m *sdp.MediaDescription) error {
	c := credentials{o.attribute(m, "ice-ufrag"), o.attribute(m, "ice-pwd")}
	if err := c.check(); err != nil {
		return err
	}
	if len(o.Media) == 0 {
		o.credentials = c
	}
	if o.attribute(m, "fingerprint") == "" {
		return refuse(Malformed, "The offer has no a=fingerprint.")
	}
	switch setup := o.attribute(m, "setup"); setup {
	case "actpass", "active", "passive", "":
		return nil
	default:
		return refuse(Unprocessable, "The offer has a=setup:%.16q; write actpass.", setup)
	}
}

// check holds credentials against RFC 8839 section 5.4.
func (c credentials) check() error {
	iceChars := func(s string) bool {
		return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_=") == ""
	}
	if len(c.ufrag) < 4 || len(c.ufrag) > 256 || len(c.pwd) < 22 || len(c.pwd) > 256 || !iceChars(c.ufrag) || !iceChars(c.pwd) {
		return refuse(Malformed, "The ICE credentials are missing or break RFC 8839 section 5.4.")
	}
	return nil
}

// bundled checks that all media share one transport (RFC 9725 section 4.4).
func (o *Offer) bundled() error {
	for _, a := range o.description.Attributes {
		if mids, ok := strings.CutPrefix(a.Value, "BUNDLE "); ok && a.Key == "group" {
			in := strings.Fields(mids)
			for _, m := range o.Media {
				if !slices.Contains(in, m.MID) {
					return refuse(Unsupported, "The %s is not in the BUNDLE group.", m.Kind)
				}
			}
			return nil
		}
	}
	return refuse(Unsupported, "The media must share one transport: a=group:BUNDLE is missing.")
}

// prefer puts m's formats into the order in which they are preferred, which for the
// same codec is the publisher's, and lists the codecs.
func prefer(m *sdp.MediaDescription) []media.Codec {
	rank := make(map[string]int, len(m.MediaName.Formats))
	var codecs []media.Codec
	for _, a := range m.Attributes {
		if a.Key != "rtpmap" {
			continue
		}
		payload, encoding, _ := strings.Cut(a.Value, " ")
		encoding, _, _ = strings.Cut(encoding, "/")
		codec, r := codecOf(encoding)
		rank[payload] = r
		if codec != 0 && codec.Kind().String() == m.MediaName.Media && !slices.Contains(codecs, codec) {
			codecs = append(codecs, codec)
		}
	}
	order := func(f string) int {
		if r, ok := rank[f]; ok {
			return r
		}
		return len(mimes()) + 1
	}
	slices.SortStableFunc(m.MediaName.Formats, func(a, b string) int { return order(a) - order(b) })
	slices.SortFunc(codecs, func(a, b media.Codec) int { return preference(a) - preference(b) })
	return codecs
}

// simulcast lists the layers that m is sent in (RFC 8853 section 5.1). Of
// alternatives the first counts.
func simulcast(m *sdp.MediaDescription) ([]string, error) {
	value, ok := m.Attribute("simulcast")
	if !ok {
		return nil, nil
	}
	fields := strings.Fields(value)
	i := slices.Index(fields, "send")
	if i < 0 || i+1 == len(fields) {
		return nil, nil
	}
	var layers []string
	for stream := range strings.SplitSeq(fields[i+1], ";") {
		rid, _, _ := strings.Cut(stream, ",")
		rid = strings.TrimPrefix(rid, "~") // paused to begin with
		if !validName(rid) || slices.Contains(layers, rid) {
			return nil, refuse(Malformed, "The simulcast layers need different names of letters, digits and '-', '_'.")
		}
		layers = append(layers, rid)
	}
	switch {
	case m.MediaName.Media != "video":
		return nil, refuse(Unsupported, "Only video is taken in several layers.")
	case len(layers) > maxLayers:
		return nil, refuse(Unsupported, "The offer has %d layers; at most %d are taken.", len(layers), maxLayers)
	}
	return layers, nil
}

// validName says whether s can be a mid or a rid here; RFC 8851 has letters, digits,
// '-' and '_' for rids.
func validName(s string) bool {
	return s != "" && len(s) <= maxName &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}
