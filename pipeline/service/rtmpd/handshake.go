package rtmpd

import (
	"crypto/rand"
	"fmt"
	"io"
)

// handshakeSize is the length of C1, S1, C2 and S2 in bytes (section 5.2).
const handshakeSize = 1536

// rtmpVersion is what C0 and S0 say.
const rtmpVersion = 3

// acceptHandshake is the server's side of the handshake. Peers that do not echo
// S1 in C2 are common, so nothing is compared. The caller sets a deadline for the
// whole.
func acceptHandshake(rw io.ReadWriter) error {
	var in [1 + handshakeSize]byte
	if _, err := io.ReadFull(rw, in[:1]); err != nil {
		return err
	}
	if in[0] != rtmpVersion { // 6 would be RTMPE
		return fmt.Errorf("the first byte is %#02x; RTMP begins with %#02x", in[0], rtmpVersion)
	}
	if _, err := io.ReadFull(rw, in[1:]); err != nil {
		return err
	}
	var out [1 + 2*handshakeSize]byte
	out[0] = rtmpVersion
	_, _ = rand.Read(out[9 : 1+handshakeSize]) // never fails
	copy(out[1+handshakeSize:], in[1:])
	if _, err := rw.Write(out[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(rw, in[1:])
	return err
}

// offerHandshake is the client's side.
func offerHandshake(rw io.ReadWriter) error {
	var out [1 + handshakeSize]byte
	out[0] = rtmpVersion
	_, _ = rand.Read(out[9:]) // never fails
	if _, err := rw.Write(out[:]); err != nil {
		return err
	}
	var in [1 + 2*handshakeSize]byte
	if _, err := io.ReadFull(rw, in[:]); err != nil {
		return err
	}
	if in[0] != rtmpVersion {
		return fmt.Errorf("the server answers with version %d; want %d", in[0], rtmpVersion)
	}
	_, err := rw.Write(in[1 : 1+handshakeSize])
	return err
}
