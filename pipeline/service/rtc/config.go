package rtc

import (
	"log/slog"
	"net"
	"net/netip"
	"time"

	"weir/pipeline"
)

// Config is what a Server is made from.
type Config struct {
	// UDP is the socket; the server owns it. A *net.UDPConn is used without
	// allocations.
	UDP net.PacketConn
	// TCP accepts peers that cannot use UDP (RFC 6544); nil if there is no such way.
	// The server owns it.
	TCP net.Listener
	// Addresses are advertised to peers, beside those of this machine's interfaces
	// when UDP is bound to all of them: the public addresses of a NAT.
	Addresses []netip.Addr
	// STUN are servers, "host:port", that peers are told about and that this node may
	// ask for its own public address.
	STUN []string
	// TURN is the relay that peers are told about.
	TURN TURN
	// Egress serves viewers; nil if there are none.
	Egress Egress
	// Log is where the server's own events go; nil discards them.
	Log    *slog.Logger
	Limits Limits
}

// TURN is a relay whose credentials are made with a shared secret, as coturn's
// use-auth-secret and others do it (draft-uberti-behave-turn-rest-00).
type TURN struct {
	// URLs such as "turn:relay.example.net:3478?transport=udp".
	URLs   []string
	Secret pipeline.Secret
	// Life is how long credentials are valid; 0 means DefaultTURNLife.
	Life time.Duration
}

// DefaultTURNLife is how long TURN credentials are valid unless TURN says otherwise.
const DefaultTURNLife = 12 * time.Hour

// Limits bound what peers can make the server hold. A zero field means the default
// that [DefaultLimits] has for it.
type Limits struct {
	// Publishers is how many there may be at once.
	Publishers int
	// HalfOpen is how many publishers may be about to connect at once, HalfOpenPerAddr
	// the same for one IPv4 address or one IPv6 /64 network.
	HalfOpen, HalfOpenPerAddr int
	// Connect is how long a publisher may take from its offer to a checked pair, and
	// Begin from there to its first RTP packet.
	Connect, Begin time.Duration
	// Wait is how long a missing packet of video holds up those behind it; up to three
	// times as long where it takes longer to be sent again.
	Wait time.Duration
	// Frame is how long the first frame on a TCP connection may take.
	Frame time.Duration
	// TCP is how many TCP connections may be open, TCPPerAddr the same for one address.
	TCP, TCPPerAddr int
}

// DefaultLimits are the limits for a server on the open internet.
func DefaultLimits() Limits {
	return Limits{
		Publishers:      1000,
		HalfOpen:        64,
		HalfOpenPerAddr: 8,
		Connect:         10 * time.Second,
		Begin:           10 * time.Second,
		Wait:            500 * time.Millisecond,
		Frame:           5 * time.Second,
		TCP:             4096,
		TCPPerAddr:      64,
	}
}

// filled replaces zero fields by their defaults.
func (l Limits) filled() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ v, def *int }{
		{&l.Publishers, &d.Publishers},
		{&l.HalfOpen, &d.HalfOpen},
		{&l.HalfOpenPerAddr, &d.HalfOpenPerAddr},
		{&l.TCP, &d.TCP},
		{&l.TCPPerAddr, &d.TCPPerAddr},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	for _, f := range []struct{ v, def *time.Duration }{
		{&l.Connect, &d.Connect},
		{&l.Begin, &d.Begin},
		{&l.Wait, &d.Wait},
		{&l.Frame, &d.Frame},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	return l
}

// Egress is the engine that serves viewers on the same ports.
type Egress interface {
	// Handle takes a datagram that is no publisher's, and reports whether it is a
	// viewer's. It must not keep it, nor block.
	Handle(datagram []byte, from netip.AddrPort) bool
	// Owns says whether the engine made the credentials of that local user fragment.
	Owns(ufrag string) bool
	// HandleTCP takes over a connection whose first frame, without its length, was a
	// check for a fragment that the engine owns (RFC 4571 section 2). It returns when
	// the connection has ended.
	HandleTCP(conn net.Conn, first []byte)
}
