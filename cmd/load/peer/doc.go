// Package peer is the cheapest WebRTC endpoint that is still an honest one: it
// makes an offer, posts it to a WHEP or WHIP endpoint (draft-ietf-wish-whep, RFC
// 9725), checks one candidate as the controlling agent (RFC 8445), shakes hands as
// the DTLS client and has SRTP keys. It is there to make load: a session is one
// connected UDP socket and two SRTP contexts, and no goroutine at all.
package peer
