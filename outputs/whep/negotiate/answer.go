package negotiate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"weir/pipeline/media"
)

// Answer is what this end says.
type Answer struct {
	// SessionID is the sess-id of the o-line (RFC 9429 section 5.2.1).
	SessionID uint64
	// Ufrag, Password and Fingerprint are those of the ICE-lite endpoint.
	Ufrag, Password, Fingerprint string
	// Candidates are the values of a=candidate lines: all there are.
	Candidates []string
	// CNAME names the source of all streams (RFC 3550 section 6.5.1).
	CNAME string
	// Streams are those of [Offer.Match], their SSRC set.
	Streams []Stream
}

// Answer writes the answer to an offer: an m-line for each of its own, in order,
// of which those without a stream are rejected.
func (o *Offer) Answer(a Answer) ([]byte, error) {
	desc := &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: a.SessionID, SessionVersion: 1,
			NetworkType: "IN", AddressType: "IP4", UnicastAddress: "0.0.0.0",
		},
		SessionName:      "-",
		TimeDescriptions: []sdp.TimeDescription{{}},
	}
	if o.grouped {
		desc.WithValueAttribute("group", "BUNDLE"+o.bundle(a.Streams))
	}
	desc.WithPropertyAttribute("ice-lite")
	first := true
	for i := range o.media {
		s := &o.media[i]
		j := slices.IndexFunc(a.Streams, func(t Stream) bool { return t.section == i })
		if j < 0 {
			desc.WithMedia(s.rejected())
			continue
		}
		md := s.accepted(a, &a.Streams[j])
		if first {
			candidates(md, a.Candidates)
			first = false
		}
		desc.WithMedia(md)
	}
	text, err := desc.Marshal()
	if err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	return text, nil
}

// bundle lists the mids of what is accepted, each with a space before it.
func (o *Offer) bundle(streams []Stream) string {
	var mids strings.Builder
	for i, s := range o.media {
		if s.mid != "" && slices.ContainsFunc(streams, func(t Stream) bool { return t.section == i }) {
			mids.WriteString(" " + s.mid)
		}
	}
	return mids.String()
}

// rejected is a section with port 0 (RFC 9429 section 5.3.1). Its format says
// nothing; 0 is one that some peers can read without an rtpmap.
func (s *section) rejected() *sdp.MediaDescription {
	formats := s.names
	if s.kind == "audio" || s.kind == "video" {
		formats = []string{"0"}
	}
	md := s.describe(0, formats)
	return md.WithPropertyAttribute("inactive")
}

func (s *section) describe(port int, formats []string) *sdp.MediaDescription {
	md := &sdp.MediaDescription{
		MediaName:             sdp.MediaName{Media: s.kind, Port: sdp.RangedPort{Value: port}, Protos: s.protos, Formats: formats},
		ConnectionInformation: &sdp.ConnectionInformation{NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: "0.0.0.0"}},
	}
	if s.mid != "" {
		md.WithValueAttribute("mid", s.mid)
	}
	return md
}

func (s *section) accepted(a Answer, t *Stream) *sdp.MediaDescription {
	pt := strconv.Itoa(int(t.PayloadType))
	formats := []string{pt}
	if t.RTXPayloadType != 0 {
		formats = append(formats, strconv.Itoa(int(t.RTXPayloadType)))
	}
	md := s.describe(9, formats)
	md.WithValueAttribute("ice-ufrag", a.Ufrag).
		WithValueAttribute("ice-pwd", a.Password).
		WithValueAttribute("fingerprint", a.Fingerprint).
		WithValueAttribute("setup", "passive").
		WithPropertyAttribute("sendonly").
		WithPropertyAttribute("rtcp-mux").
		WithPropertyAttribute("rtcp-rsize")
	c, _ := codecOf(t.Track.Codec)
	md.WithValueAttribute("rtpmap", pt+" "+c.name)
	if t.parameters != "" {
		md.WithValueAttribute("fmtp", pt+" "+t.parameters)
	}
	for _, f := range t.feedback {
		if f != "transport-cc" || t.TransportCC != 0 {
			md.WithValueAttribute("rtcp-fb", pt+" "+f)
		}
	}
	if t.RTXPayloadType != 0 {
		md.WithValueAttribute("rtpmap", formats[1]+" rtx/90000")
		md.WithValueAttribute("fmtp", formats[1]+" apt="+pt)
	}
	extension(md, t.TransportCC, uriTransportCC)
	extension(md, t.AbsCaptureTime, uriAbsCaptureTime)
	extension(md, t.PlayoutDelay, uriPlayoutDelay)
	return sources(md, a.CNAME, t)
}

func extension(md *sdp.MediaDescription, id uint8, uri string) {
	if id != 0 {
		md.WithValueAttribute("extmap", strconv.Itoa(int(id))+" "+uri)
	}
}

// sources declares the SSRCs (RFC 5576), by which viewers tell the streams apart.
func sources(md *sdp.MediaDescription, cname string, t *Stream) *sdp.MediaDescription {
	id := string(t.Track.ID)
	if !token(id) {
		id = t.Track.Kind().String()
	}
	msid := cname + " " + id
	md.WithValueAttribute("msid", msid)
	ssrcs := []uint32{t.SSRC}
	if t.RTXPayloadType != 0 {
		md.WithValueAttribute("ssrc-group", fmt.Sprintf("FID %d %d", t.SSRC, t.RTXSSRC))
		ssrcs = append(ssrcs, t.RTXSSRC)
	}
	for _, ssrc := range ssrcs {
		md.WithValueAttribute("ssrc", fmt.Sprintf("%d cname:%s", ssrc, cname))
		md.WithValueAttribute("ssrc", fmt.Sprintf("%d msid:%s", ssrc, msid))
	}
	return md
}

func candidates(md *sdp.MediaDescription, all []string) {
	for _, c := range all {
		md.WithValueAttribute("candidate", c)
	}
	md.WithPropertyAttribute("end-of-candidates")
}

// Carries says whether a codec can be negotiated here.
func Carries(c media.Codec) bool {
	_, ok := codecOf(c)
	return ok
}
