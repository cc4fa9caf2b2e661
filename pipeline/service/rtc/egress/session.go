package egress

import (
	"errors"
	"net/netip"
	"time"
)

// ErrBusy is returned by Open where a limit is reached.
var ErrBusy = errors.New("egress: too many sessions")

// Session is one viewer. Its methods may be called from any goroutine, except
// Stream.
type Session struct{}

// Credentials are what the SDP answer says.
func (s *Session) Credentials() Credentials { return Credentials{} }

// Restart gives the session new credentials, for an ICE restart (RFC 8445 section
// 9). Media keeps its way until a check under the new ones nominates another.
func (s *Session) Restart(remoteUfrag string) (Credentials, error) { return Credentials{}, nil }

// Stream is the stream of SessionParams.Streams[i]. For the shard's goroutine.
func (s *Session) Stream(i int) *Stream { return nil }

// Close ends the session, if it has not ended: the viewer is told by DTLS, the
// Sender by an event.
func (s *Session) Close() {}

// Stats is a snapshot of the session's counters.
func (s *Session) Stats() Stats { return Stats{} }

// Stats are the counters of one session.
type Stats struct {
	State   State
	Remote  netip.AddrPort // where media goes; zero if nowhere yet
	TCP     bool
	Profile string // of SRTP; "" until connected
	// Connect is the time from Open to the end of the DTLS handshake.
	Connect                           time.Duration
	Packets, Bytes                    uint64 // sent, retransmissions included; bytes of SRTP
	Dropped                           uint64 // packets that a full TCP queue refused
	Nacked, Retransmitted, OverBudget uint64 // packets: asked for, sent again, refused
	Keyframes                         uint64 // PLI and FIR received
	RTT                               time.Duration
}

// State is how far a session has come.
type State uint8

// The states.
const (
	Opened  State = iota + 1 // no valid check yet
	Checked                  // a pair is valid, the handshake is not done
	Live                     // connected
	Gone                     // closed
)
