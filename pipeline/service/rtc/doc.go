// Package rtc owns the one UDP socket and the one TCP listener through which all
// WebRTC peers reach this node (RFC 8834), and serves publishers with pion/webrtc.
//
// A [Server] reads each datagram once. STUN carries the user fragment that says
// whose it is (RFC 8445 section 7.3); everything else is known by the address that
// such a STUN request has bound: a publisher's, or one of the [Egress] engine's,
// which serves viewers without a PeerConnection each. A TCP connection is known by
// the STUN request in its first frame (RFC 4571, RFC 6544).
//
// The node is ICE-lite (RFC 8445 section 2.5): it answers checks and sends none. So
// it never sends a byte to an address that a peer has merely named, a peer's own
// candidates do not matter to it, and DTLS begins only on a pair that was checked.
//
// [Server.Publish] answers a publisher's [Offer] and returns its [Publisher]. Until
// the first RTP packet has come it is half open: there may be so many in all and from
// one address, each for so long (see [Limits]). A [Publisher] delivers RTP packets in
// the order of their sequence numbers. What is missing is asked for again, and waited
// for no longer than [Limits].Wait says; nothing waits while nothing is missing.
package rtc
