package negotiate

import (
	"slices"
	"strings"

	"weir/pipeline/media"
)

// The header extensions that are spoken here, by URI.
const (
	uriTransportCC    = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	uriAbsCaptureTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
	uriPlayoutDelay   = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
)

// Stream is an m-line that a track is sent on.
type Stream struct {
	Track *media.Track
	// PayloadType and RTXPayloadType are the viewer's; the latter is 0 without RFC
	// 4588.
	PayloadType, RTXPayloadType uint8
	// TransportCC, AbsCaptureTime and PlayoutDelay are the identifiers of header
	// extensions (RFC 8285); 0 is not negotiated.
	TransportCC, AbsCaptureTime, PlayoutDelay uint8
	// SSRC and RTXSSRC are for the caller to set before the answer is written.
	SSRC, RTXSSRC uint32

	section    int
	parameters string
	feedback   []string
}

// Has says whether a kind of feedback was negotiated: "transport-cc", "goog-remb",
// "nack", "nack pli", "ccm fir".
func (s *Stream) Has(feedback string) bool { return slices.Contains(s.feedback, feedback) }

// Match finds m-lines for tracks: the first track of a kind goes to the first
// m-line of that kind that has its codec, and so on. A track for which there is
// none is left out.
func (o *Offer) Match(tracks []*media.Track) []Stream {
	var streams []Stream
	for _, t := range tracks {
		for i := range o.media {
			if slices.ContainsFunc(streams, func(s Stream) bool { return s.section == i }) {
				continue
			}
			if s, ok := o.media[i].match(t); ok {
				s.section = i
				streams = append(streams, s)
				break
			}
		}
	}
	return streams
}

// Kinds says which kinds of media the viewer would take, for an error's words.
func (o *Offer) Kinds() []string {
	var kinds []string
	for _, s := range o.media {
		if s.wants && !slices.Contains(kinds, s.kind) {
			kinds = append(kinds, s.kind)
		}
	}
	return kinds
}

func (s *section) match(t *media.Track) (Stream, bool) {
	c, ok := codecOf(t.Codec)
	if !ok || !s.wants || !s.bundled || s.kind != t.Kind().String() {
		return Stream{}, false
	}
	best, rank := format{}, 0
	for _, f := range s.formats {
		if f.name != strings.ToLower(c.name) && !(t.Codec == media.CodecOpus && f.name == "opus/48000") {
			continue
		}
		if r := c.rank(f, t.LayerConfig(0)); r > rank {
			best, rank = f, r
		}
	}
	if rank == 0 {
		return Stream{}, false
	}
	return Stream{
		Track: t, PayloadType: best.payloadType, RTXPayloadType: s.retransmission(best.payloadType),
		TransportCC: s.transportCC(best), AbsCaptureTime: s.extensions[uriAbsCaptureTime],
		PlayoutDelay: s.playoutDelay(t),
		parameters:   c.parameters(best, t), feedback: spoken(best.feedback),
	}, true
}

// transportCC needs the extension and the feedback about it.
func (s *section) transportCC(f format) uint8 {
	if !slices.Contains(f.feedback, "transport-cc") {
		return 0
	}
	return s.extensions[uriTransportCC]
}

// playoutDelay is for pictures only; sound follows them.
func (s *section) playoutDelay(t *media.Track) uint8 {
	if t.Kind() != media.KindVideo {
		return 0
	}
	return s.extensions[uriPlayoutDelay]
}

// spoken are the kinds of feedback that are understood here.
func spoken(offered []string) []string {
	var ours []string
	for _, f := range []string{"transport-cc", "goog-remb", "nack", "nack pli", "ccm fir"} {
		if slices.Contains(offered, f) {
			ours = append(ours, f)
		}
	}
	return ours
}
