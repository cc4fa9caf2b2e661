package negotiate

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// The bounds of what a peer may send.
const (
	// MaxSDP is the size of an offer or a fragment in bytes.
	MaxSDP        = 64 << 10
	maxMedia      = 8
	maxCandidates = 64
	maxFormats    = 128
)

// The reasons for refusing an offer, which errors wrap.
var (
	// ErrMalformed is an offer that is none (400).
	ErrMalformed = errors.New("malformed SDP")
	// ErrUnsupported is an offer that is well formed and cannot be answered here
	// whatever the stream is (422).
	ErrUnsupported = errors.New("unsupported offer")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// Offer is a viewer's offer, checked.
type Offer struct {
	// Ufrag is the viewer's ice-ufrag.
	Ufrag string
	// Fingerprints are the values of its a=fingerprint lines.
	Fingerprints []string
	media        []section
	grouped      bool // there is a BUNDLE group
}

// section is one m-line with what is below it.
type section struct {
	kind    string // "audio", "video", "application"
	mid     string
	protos  []string
	formats []format
	names   []string // the formats as they were offered
	// extensions by URI.
	extensions map[string]uint8
	// bundled with the first of the sections that want media.
	bundled bool
	// wants says that the viewer would receive something here.
	wants bool
}

// Parse reads an offer. The errors wrap ErrMalformed or ErrUnsupported.
func Parse(body []byte) (*Offer, error) {
	desc, err := unmarshal(body)
	if err != nil {
		return nil, err
	}
	if len(desc.MediaDescriptions) == 0 {
		return nil, malformed("no m-line")
	}
	groups := bundles(desc)
	o := &Offer{grouped: len(groups) > 0}
	var tag string // mid of the section that the others are bundled with
	for _, md := range desc.MediaDescriptions {
		s, err := parseSection(desc, md)
		if err != nil {
			return nil, err
		}
		if s.wants && o.Ufrag == "" {
			if err := o.transport(desc, md); err != nil {
				return nil, err
			}
			tag, s.bundled = s.mid, true
		} else if s.wants {
			s.bundled = slices.ContainsFunc(groups, func(g []string) bool {
				return slices.Contains(g, tag) && slices.Contains(g, s.mid)
			})
		}
		o.media = append(o.media, s)
	}
	if o.Ufrag == "" {
		return nil, unsupported("nothing in it wants to receive audio or video by SRTP")
	}
	return o, nil
}

// unmarshal bounds an SDP before it is taken apart.
func unmarshal(body []byte) (*sdp.SessionDescription, error) {
	switch {
	case len(body) > MaxSDP:
		return nil, malformed("more than %d bytes", MaxSDP)
	case count(body, "m=") > maxMedia:
		return nil, unsupported("more than %d m-lines", maxMedia)
	case count(body, "a=candidate:") > maxCandidates:
		return nil, unsupported("more than %d candidates", maxCandidates)
	}
	desc := &sdp.SessionDescription{}
	if err := desc.Unmarshal(body); err != nil {
		return nil, malformed("%s", clip(err.Error()))
	}
	return desc, nil
}

// clip keeps what is quoted of a peer short.
func clip(s string) string {
	const most = 120
	s = strings.ToValidUTF8(s, "?")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// count is the number of lines that start with prefix.
func count(body []byte, prefix string) int {
	n := bytes.Count(body, []byte("\n"+prefix))
	if bytes.HasPrefix(body, []byte(prefix)) {
		n++
	}
	return n
}

// transport reads what stands once for all that is bundled.
func (o *Offer) transport(desc *sdp.SessionDescription, md *sdp.MediaDescription) error {
	o.Ufrag, _ = attribute(desc, md, "ice-ufrag")
	password, _ := attribute(desc, md, "ice-pwd")
	switch {
	case !iceChars(o.Ufrag, 4):
		return malformed("ice-ufrag is missing or no ice-ufrag")
	case !iceChars(password, 22):
		return malformed("ice-pwd is missing or no ice-pwd")
	}
	for _, attrs := range [][]sdp.Attribute{md.Attributes, desc.Attributes} {
		for _, a := range attrs {
			if a.Key == "fingerprint" && len(o.Fingerprints) < 8 {
				o.Fingerprints = append(o.Fingerprints, a.Value)
			}
		}
	}
	if len(o.Fingerprints) == 0 {
		return malformed("no fingerprint")
	}
	if setup, ok := attribute(desc, md, "setup"); ok && setup != "actpass" && setup != "active" {
		return unsupported("setup:%s: this end can only be passive", clip(setup))
	}
	return nil
}

// iceChars checks an ice-ufrag or ice-pwd (RFC 8839 section 5.4).
func iceChars(s string, least int) bool {
	if len(s) < least || len(s) > 256 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '+' && c != '/' &&
			c != '-' && c != '_' // Safari and others use base64url now and then
	})
}

// attribute is the section's, else the session's.
func attribute(desc *sdp.SessionDescription, md *sdp.MediaDescription, key string) (string, bool) {
	if v, ok := md.Attribute(key); ok {
		return v, true
	}
	return desc.Attribute(key)
}

// bundles are the BUNDLE groups, as lists of mids.
func bundles(desc *sdp.SessionDescription) [][]string {
	var groups [][]string
	for _, a := range desc.Attributes {
		if mids, ok := strings.CutPrefix(a.Value, "BUNDLE "); ok && a.Key == "group" {
			groups = append(groups, strings.Fields(mids))
		}
	}
	return groups
}
