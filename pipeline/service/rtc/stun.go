package rtc

import (
	"bytes"
	"encoding/binary"
)

// STUN's wire format (RFC 8489 sections 5 and 14).
const (
	stunHeader   = 20
	stunCookie   = 0x2112A442
	stunBinding  = 0x0001 // a Binding request
	stunUsername = 0x0006
)

// isSTUN says whether a datagram is STUN (RFC 7983 section 7, with the cookie).
func isSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0] < 4 && binary.BigEndian.Uint32(b[4:]) == stunCookie
}

// checkFor is the local user fragment that a connectivity check is for: what stands
// before the colon of the USERNAME (RFC 8445 section 7.2.2). Nil if b is no check.
// It is a part of b.
func checkFor(b []byte) []byte {
	if !isSTUN(b) || binary.BigEndian.Uint16(b) != stunBinding {
		return nil
	}
	for rest := b[stunHeader:]; len(rest) >= 4; {
		kind, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if n > len(rest)-4 {
			return nil
		}
		if kind == stunUsername {
			local, _, ok := bytes.Cut(rest[4:4+n], []byte(":"))
			if !ok || len(local) == 0 {
				return nil
			}
			return local
		}
		rest = rest[min(len(rest), 4+(n+3)&^3):]
	}
	return nil
}
