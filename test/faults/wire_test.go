//go:build e2e

package faults

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"testing"
	"time"
)

// Raw RTMP, for peers that say what no client of ours would. The specification is
// Adobe's RTMP 1.0, of AMF the part that is needed.

const rtmpChunk = 128 // bytes of payload, unless a peer has said otherwise

// chunks is a message in one chunk stream, beginning with a full header.
func chunks(csid byte, typ byte, stream, timestamp uint32, payload []byte, size int) []byte {
	b := []byte{csid & 0x3F}
	b = append(b, byte(timestamp>>16), byte(timestamp>>8), byte(timestamp))
	b = append(b, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), typ)
	b = binary.LittleEndian.AppendUint32(b, stream)
	for n := 0; ; {
		k := min(size, len(payload)-n)
		b = append(b, payload[n:n+k]...)
		if n += k; n >= len(payload) {
			return b
		}
		b = append(b, 0xC0|csid&0x3F)
	}
}

// claim is the first chunk of a message that claims to be that long.
func claim(csid byte, typ byte, length int) []byte {
	b := []byte{csid & 0x3F, 0, 0, 0, byte(length >> 16), byte(length >> 8), byte(length), typ, 1, 0, 0, 0}
	return append(b, make([]byte, rtmpChunk)...)
}

// amf encodes strings, numbers, nil, and []byte as it is.
func amf(values ...any) []byte {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case string:
			b = append(b, 2, byte(len(v)>>8), byte(len(v)))
			b = append(b, v...)
		case int:
			b = binary.BigEndian.AppendUint64(append(b, 0), math.Float64bits(float64(v)))
		case nil:
			b = append(b, 5)
		case []byte:
			b = append(b, v...)
		}
	}
	return b
}

// property is a member of an AMF object.
func property(name string, value []byte) []byte {
	return append(append([]byte{byte(len(name) >> 8), byte(len(name))}, name...), value...)
}

// object is an AMF object of one property.
func object(name string, value []byte) []byte {
	return append(append([]byte{3}, property(name, value)...), 0, 0, 9)
}

// connect is the command that opens an app.
func connect(app string) []byte {
	return chunks(3, 20, 0, 0, amf("connect", 1, object("app", amf(app))), rtmpChunk)
}

// publishing is all that a publisher says, at once.
func publishing(app, name string) []byte {
	b := append(connect(app), chunks(3, 20, 0, 0, amf("createStream", 2, nil), rtmpChunk)...)
	return append(b, chunks(3, 20, 1, 0, amf("publish", 3, nil, name, "live"), rtmpChunk)...)
}

// control is a protocol control message.
func control(typ byte, value uint32) []byte {
	return chunks(2, typ, 0, 0, binary.BigEndian.AppendUint32(nil, value), rtmpChunk)
}

// call connects to an address and, if that is wanted, shakes hands.
func call(t testing.TB, address string, shake bool) (net.Conn, error) {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Error(err)
	}
	if !shake {
		return c, nil
	}
	hello := make([]byte, 1+1536)
	hello[0] = 3
	if _, err := c.Write(hello); err != nil {
		return c, err
	}
	answer := make([]byte, 1+1536+1536)
	if _, err := io.ReadFull(c, answer); err != nil {
		return c, err
	}
	_, err = c.Write(answer[1 : 1+1536])
	return c, err
}

// hear reads what a peer says until it closes, or has said nothing for that long.
func hear(c net.Conn, quiet time.Duration) (said []byte, closed bool) {
	buf := make([]byte, 4096)
	for {
		_ = c.SetReadDeadline(time.Now().Add(quiet))
		n, err := c.Read(buf)
		said = append(said, buf[:n]...)
		if err != nil {
			return said, !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}
