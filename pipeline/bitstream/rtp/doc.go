// Package rtp knows the RTP payload formats of the codecs that WebRTC carries:
// H.264 (RFC 6184, packetization mode 1), H.265 (RFC 7798), VP8 (RFC 7741), VP9
// (RFC 9628), AV1 (RTP Payload Format For AV1, version 1.0) and Opus (RFC 7587).
// It knows neither sockets nor sessions: packets are [media.Unit]s of
// [media.FormRTP].
//
// # Both ways
//
// A [Packetizer] lays an access unit in normal form (package bitstream) into
// packets, a [Depacketizer] puts the normal form together again. Packets must
// reach the latter in order, which a [Reorder] sees to.
//
// # Packets as they are
//
// Who forwards packets without taking them apart learns from an [Inspector] which
// flags to give them, and from [Peek] what a single payload tells of its picture.
//
// # Flags of packets
//
// A picture's packets follow each other. Key, Gap and Discontinuity stand on the
// first of them only, so that a reader of a ring that starts at a key unit starts
// at the beginning of its picture; FrameEnd on the last; Droppable on all.
//
// Everything takes or holds a [media.Codec], so that callers need no switch over
// codecs. Errors about payloads match bitstream.ErrMalformed and cost the picture
// that the payload belongs to, nothing else.
package rtp
