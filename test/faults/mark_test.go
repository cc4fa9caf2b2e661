//go:build e2e

package faults

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"time"

	"weir/pipeline/media"
)

// mark is what stands in every frame that a test sends: who sent it, its number
// within its track, and its presentation time by the source's true clock.
type mark struct {
	session, number uint32
	at              time.Duration
}

// sign begins a mark. Marks are text, so that they hold nothing that a container
// might have to escape.
const (
	sign    = "weirMark"
	markLen = len(sign) + 32
)

func (m mark) bytes() []byte {
	return fmt.Appendf(nil, "%s%08x%08x%016x", sign, m.session, m.number, uint64(m.at))
}

// markIn finds the mark in a frame.
func markIn(frame []byte) (mark, bool) {
	i := bytes.Index(frame, []byte(sign))
	if i < 0 || len(frame) < i+markLen {
		return mark{}, false
	}
	raw, err := hex.DecodeString(string(frame[i+len(sign) : i+markLen]))
	if err != nil {
		return mark{}, false
	}
	number := func(b []byte) (v uint64) {
		for _, c := range b {
			v = v<<8 | uint64(c)
		}
		return v
	}
	return mark{uint32(number(raw[:4])), uint32(number(raw[4:8])), time.Duration(number(raw[8:]))}, true
}

// access is an access unit that looks like one of its codec from outside and holds
// a mark. Nobody could decode it.
func access(codec media.Codec, key bool, m mark, size int) [][]byte {
	var head []byte
	switch codec {
	case media.CodecH264: // IDR slice, or a slice that others refer to
		head = []byte{0x41}
		if key {
			head = []byte{0x65}
		}
	case media.CodecH265: // IDR_W_RADL, or TRAIL_R
		head = []byte{1 << 1, 1}
		if key {
			head = []byte{19 << 1, 1}
		}
	case media.CodecAV1: // OBU_FRAME with a shown frame: KEY_FRAME or INTER_FRAME
		head = []byte{6 << 3, 0x30}
		if key {
			head = []byte{6 << 3, 0x10}
		}
	case media.CodecOpus: // CELT, 20 ms, stereo, one frame
		head = []byte{0xFC}
	default: // AAC: any first byte will do
		head = []byte{0x21}
	}
	b := append(head, m.bytes()...)
	return [][]byte{append(b, bytes.Repeat([]byte{0x55}, max(0, size-len(b)))...)}
}
