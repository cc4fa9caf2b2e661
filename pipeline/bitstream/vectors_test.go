package bitstream

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Configurations as encoders write them. x264, 320×180 at 30 frames a second.
const (
	avcConfig = "0164000dffe100186764000dacb302833f3e0220000003002000000781e2854d" +
		"01000668e97044b22cfdf8f800"
	// libaom, 320×180.
	av1Config = "81000c000a0b000000043cfeccdaf90040"
	// libopus, stereo.
	opusConfig = "4f707573486561640102380180bb0000000000"
	// ffmpeg, AAC-LC stereo at 48 kHz.
	aacConfig = "119056e500"
)

// x265, 320×180 at 30 frames a second, one temporal layer.
const (
	hevcVPS = "40010c01ffff01600000030090000003000003003c928090"
	hevcSPS = "42010101600000030090000003000003003ca00a080b9f7964a924caf016808000000300800000" + "0f0420"
	hevcPPS = "4401c172b46240"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bitWriter writes a bit string from the most significant bit on.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) bits(v uint64, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) ue(v uint64) {
	n := 0
	for (v+1)>>(n+1) > 0 {
		n++
	}
	w.bits(0, n)
	w.bits(v+1, n+1)
}

// sequence describes an H.264 SPS to be made.
type sequence struct {
	id                      uint64
	widthMBs, heightMBs     uint64
	cropRight, cropBottom   uint64 // in units of 2 pixels
	numUnits, timeScale     uint64 // 0: no timing
	fixedRate, interlaced   bool
	log2FrameNum, log2POCLS uint64 // minus 4
}

// sps makes an SPS of Baseline profile, level 4.0.
func (s sequence) sps() []byte {
	w := &bitWriter{}
	w.ue(s.id)
	w.ue(s.log2FrameNum)
	w.ue(0)
	w.ue(s.log2POCLS)
	w.ue(1)
	w.bits(0, 1)
	w.ue(s.widthMBs - 1)
	w.ue(s.heightMBs - 1)
	if s.interlaced {
		w.bits(0b00, 2)
	} else {
		w.bits(1, 1)
	}
	w.bits(1, 1)
	if s.cropRight+s.cropBottom > 0 {
		w.bits(1, 1)
		w.ue(0)
		w.ue(s.cropRight)
		w.ue(0)
		w.ue(s.cropBottom)
	} else {
		w.bits(0, 1)
	}
	if s.timeScale > 0 {
		w.bits(0b10000, 5)
		w.bits(1, 1)
		w.bits(s.numUnits, 32)
		w.bits(s.timeScale, 32)
		w.bits(uint64(flag(s.fixedRate)), 1)
		w.bits(0b0000, 4)
	} else {
		w.bits(0, 1)
	}
	w.bits(1, 1)
	return append([]byte{0x67, 66, 0xC0, 40}, prevent(w.b)...)
}

// config is an avcC record with that SPS.
func (s sequence) config() []byte {
	sps := s.sps()
	b := append([]byte{1, 66, 0xC0, 40, 0xFF, 0xE1, 0, byte(len(sps))}, sps...)
	return append(b, 1, 0, 4, 0x68, 0xCE, 0x3C, 0x80)
}

// prevent inserts emulation prevention bytes.
func prevent(b []byte) []byte {
	var out []byte
	zeros := 0
	for _, c := range b {
		if zeros == 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// aacWithElements is an AAC configuration without standard layout, with n single
// channel elements at the front and as many at the side and back, at most 15 each.
func aacWithElements(front, side, back int) []byte {
	w := &bitWriter{}
	w.bits(aacLC, 5)
	w.bits(3, 4) // 48 kHz
	w.bits(0, 4) // layout: by elements
	w.bits(0, 3)
	w.bits(0, 4+2+4)
	w.bits(uint64(front), 4)
	w.bits(uint64(side), 4)
	w.bits(uint64(back), 4)
	w.bits(0, 2+3+4+3)
	for range front + side + back {
		w.bits(0b10000, 5) // a pair
	}
	w.bits(0, 16)
	return w.b
}
