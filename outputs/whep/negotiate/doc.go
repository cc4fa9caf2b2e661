// Package negotiate reads WHEP offers and writes the answers of an ICE-lite
// endpoint that only sends (RFC 8866, RFC 9429, draft-ietf-wish-whep), and it
// reads and writes the SDP fragments of trickle ICE (RFC 8840, RFC 9725 section
// 4.3).
//
// Everything here is a pure function of text. What a peer sends is bounded before
// it is taken apart: [MaxSDP] bytes, 8 m-lines, 64 candidates.
package negotiate
