package load

import (
	"bytes"
	"time"
)

// A picture carries the time at which it was sent, behind a mark in the noise of its
// slice, so that viewers on the same machine can tell how long it took.
const (
	stampMark   = "sent at:"
	stampOffset = 8 // in the NAL unit: what comes before is the slice's header
	stampBytes  = 8
)

// putStamp writes a time in microseconds, 7 bits a byte, none of which is zero.
func putStamp(b []byte, t time.Time) {
	us := uint64(t.UnixMicro())
	for i := range stampBytes {
		b[i] = 0x80 | byte(us>>(7*(stampBytes-1-i)))
	}
}

// stampIn is where the time belongs in what begins a picture: an RTP payload, as a
// single NAL unit or its first fragment (RFC 6184), or an RTMP message. 0 is nowhere.
func stampIn(b []byte) int {
	i := bytes.Index(b[:min(len(b), 64)], []byte(stampMark))
	if i < 0 || len(b) < i+len(stampMark)+stampBytes {
		return 0
	}
	return i + len(stampMark)
}

// SentAt is when a picture was sent, by what begins it: an RTP payload or an RTMP message.
func SentAt(payload []byte) (time.Time, bool) { return stampOf(payload) }

// stampOf is the time of sending in such a payload.
func stampOf(payload []byte) (time.Time, bool) {
	at := stampIn(payload)
	if at == 0 {
		return time.Time{}, false
	}
	us := int64(0)
	for _, b := range payload[at:][:stampBytes] {
		us = us<<7 | int64(b&0x7f)
	}
	return time.UnixMicro(us), true
}
