package egress

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"time"
)

// Config says how an [Engine] works. The zero value does.
type Config struct {
	// Certificate is shown to every viewer; its key must be an ECDSA P-256 key. If
	// it is zero, New makes one that is valid for ten years.
	Certificate tls.Certificate
	Limits      Limits
	// Log takes warnings, and one line per session at level debug. Nil discards.
	Log *slog.Logger
}

// Limits bound what viewers and strangers can cost. Zero fields take the default.
type Limits struct {
	// Sessions is the number of sessions of any state at a time; 4096.
	Sessions int
	// HalfOpen is the number of sessions that are not connected yet; 512.
	HalfOpen int
	// HalfOpenPerClient is the same for one client: an IPv4 address or an IPv6 /64;
	// 32.
	HalfOpenPerClient int
	// Handshakes is the number of DTLS handshakes at a time; 64. A ClientHello that
	// finds no place is dropped; the client sends it again after a second.
	Handshakes int
	// HandshakesPerAddress is the same for one remote IPv4 address or IPv6 /64; 16.
	HandshakesPerAddress int
	// Connect is the time from Open to the end of the DTLS handshake; 20 s.
	Connect time.Duration
	// Consent is the time without a valid STUN check after which a session is gone
	// (RFC 7675 section 5.1); 30 s.
	Consent time.Duration
	// RetransmitRate is the number of retransmitted bytes a second and session;
	// 128 KiB. Half a second of it may be spent at once. What exceeds it is not
	// retransmitted.
	RetransmitRate int
	// Mailbox is the number of bytes of feedback that wait for a Sender; 1 MiB. One
	// session may fill 8 KiB of it.
	Mailbox int
	// TCPQueue is the number of bytes that wait for one viewer over TCP; 256 KiB.
	// Packets that find no place are lost.
	TCPQueue int
}

func (l Limits) orDefaults() Limits {
	l.Sessions = cmp.Or(l.Sessions, 4096)
	l.HalfOpen = cmp.Or(l.HalfOpen, 512)
	l.HalfOpenPerClient = cmp.Or(l.HalfOpenPerClient, 32)
	l.Handshakes = cmp.Or(l.Handshakes, 64)
	l.HandshakesPerAddress = cmp.Or(l.HandshakesPerAddress, 16)
	l.Connect = cmp.Or(l.Connect, 20*time.Second)
	l.Consent = cmp.Or(l.Consent, 30*time.Second)
	l.RetransmitRate = cmp.Or(l.RetransmitRate, 128<<10)
	l.Mailbox = cmp.Or(l.Mailbox, 1<<20)
	l.TCPQueue = cmp.Or(l.TCPQueue, 256<<10)
	return l
}
