package egress

import (
	"encoding/binary"
	"time"
)

const (
	// maxPacket is the size of the largest packet that is sent, in bytes: what
	// Ethernet takes of UDP over IPv6.
	maxPacket = 1452
	// maxHeader is an RTP header with all extensions: 12 + 4 + 2+1 + 8+1 + 3+1 bytes.
	maxHeader = 12 + 4 + 16
	// maxPayload leaves room for the number of a retransmitted packet (RFC 4588).
	maxPayload = maxPacket - maxHeader - 2 - maxTag
)

// header is what is per viewer of an RTP packet.
type header struct {
	payloadType uint8
	marker      bool
	ssrc        uint32
	index       uint64 // rollover counter and sequence number
	timestamp   uint32
	transport   uint16    // transport-wide sequence number
	capture     time.Time // written if it is not zero
	rtx         bool      // the payload is that of the packet of number original
	original    uint16
}

// size is the length of what write writes.
func (h *header) size(x *Extensions) int {
	var b [maxHeader]byte
	return h.write(b[:], x)
}

// write puts the header into b, which has room for maxHeader bytes, and returns its
// length (RFC 3550 section 5.1, RFC 8285 section 4.2).
func (h *header) write(b []byte, x *Extensions) int {
	b[0], b[1] = 0x80, h.payloadType
	if h.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], uint16(h.index))
	binary.BigEndian.PutUint32(b[4:], h.timestamp)
	binary.BigEndian.PutUint32(b[8:], h.ssrc)
	n := 16
	if x.TransportCC != 0 {
		b[n] = x.TransportCC<<4 | 1
		binary.BigEndian.PutUint16(b[n+1:], h.transport)
		n += 3
	}
	if x.PlayoutDelay != 0 && x.MaxDelay > 0 {
		low, high := tenMillis(x.MinDelay), tenMillis(x.MaxDelay)
		b[n], b[n+1], b[n+2], b[n+3] = x.PlayoutDelay<<4|2, byte(low>>4), byte(low<<4|high>>8), byte(high)
		n += 4
	}
	if x.AbsCaptureTime != 0 && !h.capture.IsZero() {
		b[n] = x.AbsCaptureTime<<4 | 7
		binary.BigEndian.PutUint64(b[n+1:], ntp(h.capture))
		n += 9
	}
	if n == 16 {
		return 12
	}
	for ; n&3 != 0; n++ {
		b[n] = 0
	}
	b[0] |= 0x10
	binary.BigEndian.PutUint16(b[12:], 0xBEDE)
	binary.BigEndian.PutUint16(b[14:], uint16((n-16)/4))
	return n
}

// tenMillis is d in the 12 bits of the playout-delay extension.
func tenMillis(d time.Duration) uint16 {
	return uint16(min(max(d/(10*time.Millisecond), 0), 0xfff))
}

// ntpEpoch is 1900 in Unix seconds.
const ntpEpoch = -2208988800

// ntp is t as an NTP timestamp: seconds since 1900, 32 bits of fraction.
func ntp(t time.Time) uint64 {
	seconds := uint64(t.Unix() - ntpEpoch)
	return seconds<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
