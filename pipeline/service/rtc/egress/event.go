package egress

import "time"

// EventKind says what an [Event] is about.
type EventKind uint8

// The kinds of event.
const (
	// Connected is a session's first event: its handshake is done, its streams can
	// be sent.
	Connected EventKind = iota + 1
	// Closed is a session's last event, for Event.Reason. A session that was never
	// connected has it too.
	Closed
	// Keyframe asks for a key unit of Event.Stream: a PLI (RFC 4585 section 6.3.1)
	// or FIR (RFC 5104 section 4.3.1). At most one per stream and Poll.
	Keyframe
	// Arrivals tells when the viewer received what packets: Event.Arrivals.
	Arrivals
	// Bandwidth is the viewer's own estimate (REMB): Event.Bitrate.
	Bandwidth
	// Reception is a report block about Event.Stream: Event.Report.
	Reception
)

// String is the kind's name.
func (k EventKind) String() string {
	names := [...]string{"unknown", "connected", "closed", "keyframe", "arrivals", "bandwidth", "reception"}
	if int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// Reason says why a session ended.
type Reason uint8

// The reasons.
const (
	// ByOwner: Session.Close was called, or the Sender or the Engine was closed.
	ByOwner Reason = iota + 1
	// NoConnect: not connected within Limits.Connect.
	NoConnect
	// NoConsent: no valid STUN check within Limits.Consent (RFC 7675).
	NoConsent
	// BadHandshake: the DTLS handshake failed: a wrong certificate, no SRTP
	// profile in common, a fatal alert.
	BadHandshake
	// ByPeer: the viewer closed the DTLS association.
	ByPeer
)

// String is the reason in words.
func (r Reason) String() string {
	names := [...]string{"unknown", "by owner", "not connected in time", "consent expired", "handshake failed", "closed by peer"}
	if int(r) >= len(names) {
		return names[0]
	}
	return names[r]
}

// Event is one thing that happened to a session of a Sender.
type Event struct {
	Kind    EventKind
	Session *Session
	Stream  *Stream // Keyframe, Reception
	Reason  Reason  // Closed
	Bitrate int64   // Bandwidth, in bit/s
	// Arrivals are in the order of their sequence numbers. The slice is valid until
	// the next Poll.
	Arrivals []Arrival
	Report   Report // Reception
}

// Arrival is what a viewer said of one packet (transport-wide feedback).
type Arrival struct {
	Sequence uint16
	// Size is that of the packet as sent, from the RTP header to the SRTP tag, in
	// bytes; 0 if the packet was sent too long ago to be remembered.
	Size int
	// Sent is when it left, since the Sender was made; meaningless if Size is 0.
	Sent time.Duration
	// Received is when it came, by the viewer's clock, whose zero is arbitrary;
	// meaningless if it was lost. Steps of 250 µs.
	Received time.Duration
	Lost     bool
}

// Report is a reception report block (RFC 3550 section 6.4.1).
type Report struct {
	// Loss is the part of packets lost since the report before, 0 to 1.
	Loss float64
	// Lost is the number of packets lost since the session began; duplicates count
	// as -1.
	Lost int32
	// Jitter is the interarrival jitter.
	Jitter time.Duration
	// RTT is the round-trip time; 0 if the viewer has not seen a sender report.
	RTT time.Duration
}
