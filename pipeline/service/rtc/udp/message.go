package udp

import "net/netip"

// MaxSegments is the number of datagrams that a Message may be cut into:
// UDP_MAX_SEGMENTS of Linux.
const MaxSegments = 64

// Message is what Send sends to one peer.
type Message struct {
	// Data is not changed, and not kept.
	Data []byte
	To   netip.AddrPort
	// Segment cuts Data into datagrams of that many bytes, of which the last may be
	// smaller (UDP_SEGMENT); 0 sends it as one.
	Segment int
}

// Take is given a datagram, which it does not keep, and says whether the next one of
// its kind must not wait.
type Take func(datagram []byte, from netip.AddrPort) (urgent bool)

// mtu is more than any datagram that WebRTC sends, in bytes.
const mtu = 2048
