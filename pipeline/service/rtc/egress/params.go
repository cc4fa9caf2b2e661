package egress

import (
	"net/netip"
	"time"

	"weir/pipeline/media"
)

// SessionParams is what a viewer and its owner agreed on by SDP.
type SessionParams struct {
	// Client is whom half-open sessions are counted for: the address that asked,
	// by HTTP. The zero Addr is not counted per client.
	Client netip.Addr
	// RemoteUfrag is the viewer's ice-ufrag; checks under another name are not
	// answered. "" accepts any.
	RemoteUfrag string
	// Fingerprints are the values of the viewer's a=fingerprint lines, such as
	// "sha-256 0A:1B:…" (RFC 8122 section 5). Its certificate must fit one of
	// them. Only sha-256, sha-384 and sha-512 count.
	Fingerprints []string
	// CNAME goes into the sender reports (RFC 3550 section 6.5.1).
	CNAME string
	// Epoch is the wall-clock time of PTS 0 on all streams, from which sender
	// reports put the streams in step.
	Epoch time.Time
	// Streams are the tracks that the viewer receives, at most 8.
	Streams []StreamParams
}

// StreamParams describes one RTP stream of a session.
type StreamParams struct {
	SSRC        uint32
	PayloadType uint8
	// RTXSSRC and RTXPayloadType are those of the retransmission stream (RFC 4588).
	// If RTXPayloadType is 0, packets are retransmitted as they were.
	RTXSSRC        uint32
	RTXPayloadType uint8
	// Rate is the stream's RTP clock, which is the clock of the units' PTS.
	Rate media.Rate
	// History finds packets to retransmit. Nil leaves NACKs unanswered.
	History    History
	Extensions Extensions
}

// Extensions are the identifiers, 1 to 14, of the header extensions that were
// negotiated (RFC 8285 section 4.2); 0 is not negotiated.
type Extensions struct {
	// TransportCC numbers the session's packets
	// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
	TransportCC uint8
	// AbsCaptureTime carries Unit.Capture on the last packet of each picture
	// (http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time).
	AbsCaptureTime uint8
	// PlayoutDelay carries MinDelay and MaxDelay, which have a resolution of 10 ms
	// and end at 40.95 s; it is left out while MaxDelay is 0
	// (http://www.webrtc.org/experiments/rtp-hdrext/playout-delay).
	PlayoutDelay       uint8
	MinDelay, MaxDelay time.Duration
}

// Credentials are the engine's side of ICE for one session, for the SDP answer.
type Credentials struct{ Ufrag, Password string }

// History is the recent past of one track, shared by all its viewers.
type History interface {
	// Packet returns the unit (of form RTP) of that layer which has the RTP sequence
	// number, or nil if it is not held any more. Senders call it, from the goroutine
	// of the shard. The unit is read only.
	Packet(layer int8, sequence uint16) *media.Unit
}
