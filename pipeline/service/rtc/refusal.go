package rtc

import "fmt"

// Reason says why a peer is refused, so that a protocol can choose its status code.
type Reason uint8

// The reasons for a Refusal.
const (
	// Malformed is SDP or a fragment that cannot be read or breaks its rules.
	Malformed Reason = iota + 1
	// Unsupported is an offer of what this server does not take.
	Unsupported
	// Unprocessable is an offer of a role that this server cannot play.
	Unprocessable
	// Busy is a server with as many peers as it may have.
	Busy
)

// Refusal is why a peer is not served, in words for whoever wrote the peer.
type Refusal struct {
	Reason Reason
	Text   string
}

// Error is the text.
func (r *Refusal) Error() string { return r.Text }

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Text: fmt.Sprintf(format, args...)}
}
