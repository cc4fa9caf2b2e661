//go:build e2e

package faults

import (
	"encoding/hex"
	"math/bits"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// Configurations as encoders write them: x265 and SVT-AV1 at 320x180, libopus.
const (
	hevcVPS    = "40010c01ffff01600000030090000003000003003c928090"
	hevcSPS    = "42010101600000030090000003000003003ca00a080b9f7964a924caf0168080000003008000000f0420"
	hevcPPS    = "4401c172b46240"
	av1Config  = "81000c000a0b000000043cfeccdaf90040"
	opusConfig = "4f707573486561640102380180bb0000000000"
)

// track makes a track, if its configuration is one.
func track(t testing.TB, id media.TrackID, codec media.Codec, config []byte) *media.Track {
	t.Helper()
	p, err := bitstream.Parse(codec, config, bitstream.Limits{MaxWidth: 1 << 20, MaxHeight: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return p.Track(id)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func h264(t testing.TB, width, height int) *media.Track {
	t.Helper()
	return track(t, "video", media.CodecH264, avcConfig(width, height))
}

func h265(t testing.TB) *media.Track {
	t.Helper()
	p, err := bitstream.FromSets(media.CodecH265, [][]byte{unhex(t, hevcVPS), unhex(t, hevcSPS), unhex(t, hevcPPS)}, bitstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return p.Track("video")
}

func av1(t testing.TB) *media.Track {
	t.Helper()
	return track(t, "video", media.CodecAV1, unhex(t, av1Config))
}

// aac makes an AAC-LC track in stereo of 44100 or 48000 samples a second.
func aac(t testing.TB, rate media.Rate) *media.Track {
	t.Helper()
	config := []byte{0x11, 0x90}
	if rate == 44100 {
		config = []byte{0x12, 0x10}
	}
	return track(t, "audio", media.CodecAAC, config)
}

func opus(t testing.TB) *media.Track {
	t.Helper()
	return track(t, "audio", media.CodecOpus, unhex(t, opusConfig))
}

// avcConfig is an avcC record with an SPS of Baseline profile and its PPS.
func avcConfig(width, height int) []byte {
	sps := avcSPS(width, height)
	b := append([]byte{1, 66, 0xC0, 40, 0xFF, 0xE1, 0, byte(len(sps))}, sps...)
	return append(b, 1, 0, 4, 0x68, 0xCE, 0x3C, 0x80)
}

// avcSPS describes a progressive picture (ITU-T H.264 section 7.3.2.1.1).
func avcSPS(width, height int) []byte {
	w, h := (width+15)/16, (height+15)/16
	var b bitWriter
	b.ue(0) // seq_parameter_set_id
	b.ue(0) // log2_max_frame_num_minus4
	b.ue(0) // pic_order_cnt_type
	b.ue(0) // log2_max_pic_order_cnt_lsb_minus4
	b.ue(1) // max_num_ref_frames
	b.put(0, 1)
	b.ue(uint(w - 1))
	b.ue(uint(h - 1))
	b.put(0b11, 2) // frame_mbs_only, direct_8x8_inference
	if right, bottom := uint(w*16-width)/2, uint(h*16-height)/2; right+bottom > 0 {
		b.put(1, 1)
		b.ue(0)
		b.ue(right)
		b.ue(0)
		b.ue(bottom)
	} else {
		b.put(0, 1)
	}
	b.put(0b01, 2) // no VUI, stop bit
	return append([]byte{0x67, 66, 0xC0, 40}, escape(b.b)...)
}

// bitWriter writes from the most significant bit on.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) put(v uint, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// ue writes an Exp-Golomb code.
func (w *bitWriter) ue(v uint) {
	n := bits.Len(v + 1)
	w.put(0, n-1)
	w.put(v+1, n)
}

// escape puts in emulation prevention bytes.
func escape(b []byte) []byte {
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
