package rtp

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// x265, 320×180 at 30 frames a second, one temporal layer; libaom, 320×180.
const (
	hevcVPS   = "40010c01ffff01600000030090000003000003003c928090"
	hevcSPS   = "42010101600000030090000003000003003ca00a080b9f7964a924caf0168080000003008000000f0420"
	hevcPPS   = "4401c172b46240"
	av1Header = "08000000043cfeccdaf90040"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
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

// baseline is the SPS of a stream without reordering (pic_order_cnt_type 2), with a
// picture of that many macroblocks.
func baseline(width, height uint64) []byte {
	w := &bitWriter{b: []byte{0x67, 66, 0xC0, 31}, n: 32}
	w.ue(0) // seq_parameter_set_id
	w.ue(0) // log2_max_frame_num_minus4
	w.ue(2) // pic_order_cnt_type
	w.ue(1) // max_num_ref_frames
	w.bits(0, 1)
	w.ue(width - 1)
	w.ue(height - 1)
	w.bits(1, 1) // frame_mbs_only_flag
	w.bits(1, 1) // direct_8x8_inference_flag
	w.bits(0, 2) // no cropping, no VUI
	w.bits(1, 1) // stop bit
	return w.b
}

func avcPPS() []byte { return []byte{0x68, 0xCE, 0x3C, 0x80} }

// sets are the parameter sets of the test streams.
func sets(t testing.TB, c media.Codec) [][]byte {
	t.Helper()
	switch c {
	case media.CodecH264:
		return [][]byte{baseline(80, 45), avcPPS()}
	case media.CodecH265:
		return [][]byte{unhex(t, hevcVPS), unhex(t, hevcSPS), unhex(t, hevcPPS)}
	case media.CodecAV1:
		return [][]byte{unhex(t, av1Header)}
	default:
		return nil
	}
}

// params is the configuration of the test stream of that codec.
func params(t testing.TB, c media.Codec) *bitstream.Params {
	t.Helper()
	switch c {
	case media.CodecVP8:
		return &bitstream.Params{Codec: c, Width: 640, Height: 360, Rate: media.VideoRate}
	case media.CodecVP9: // vpcC: profile 0, level 3, 8 bits, 4:2:0, which says nothing of the size
		p, err := bitstream.Parse(c, unhex(t, "01000000001e820202060000"), bitstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		sized := *p
		sized.Width, sized.Height = 640, 360
		return &sized
	case media.CodecOpus:
		p, err := bitstream.Parse(c, bitstream.OpusHead(2, 0), bitstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	default:
		p, err := bitstream.FromSets(c, sets(t, c), bitstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// track is the test stream of that codec in RTP form, with its configuration.
func track(t testing.TB, c media.Codec) *media.Track {
	t.Helper()
	tr := params(t, c).Track("a")
	tr.Form = media.FormRTP
	return tr
}

// bare is track without a configuration, as WHIP has it.
func bare(t testing.TB, c media.Codec) *media.Track {
	t.Helper()
	tr := track(t, c)
	tr.Config = nil
	return tr
}

// filled is head and random bytes up to size.
func filled(r *rand.Rand, size int, head ...byte) []byte {
	b := make([]byte, max(size, len(head)))
	for i := copy(b, head); i < len(b); i++ {
		b[i] = byte(r.UintN(255)) + 1
	}
	return b
}

// frameOf is an access unit of the codec in normal form, of about size bytes.
func frameOf(t testing.TB, r *rand.Rand, c media.Codec, key bool, size int) [][]byte {
	t.Helper()
	switch {
	case c == media.CodecH264 && key:
		return [][]byte{filled(r, size/2, 0x65, 0x88), filled(r, size/2, 0x65, 0x08)}
	case c == media.CodecH264:
		return [][]byte{{0x06, 0x05, 0x01, 0x11, 0x80}, filled(r, size, 0x41, 0x9A)}
	case c == media.CodecH265:
		return [][]byte{{0x4E, 0x01, 0x05, 0x01, 0x11, 0x80}, filled(r, size, 0x26, 0x01, 0xAF)}
	case c == media.CodecAV1 && key:
		return [][]byte{unhex(t, av1Header), filled(r, size, 0x30, 0x10)}
	case c == media.CodecAV1:
		return [][]byte{{0x2A &^ 2, 0x01, 0x02}, filled(r, size/2, 0x18, 0x30), filled(r, size/2, 0x20), filled(r, 5, 0x20)}
	case c == media.CodecVP8 && key:
		return [][]byte{filled(r, size, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01)}
	case c == media.CodecVP8:
		return [][]byte{filled(r, size, 0x11)}
	case c == media.CodecVP9 && key:
		w := &bitWriter{b: []byte{0x82, 0x49, 0x83, 0x42}, n: 32}
		w.bits(0b0010, 4) // colour space and range
		w.bits(639, 16)
		w.bits(359, 16)
		return [][]byte{filled(r, size, w.b...)}
	case c == media.CodecVP9:
		return [][]byte{filled(r, size, 0x86)}
	default:
		return [][]byte{filled(r, min(size, 120), 0xFC)}
	}
}

// movie is n units of the codec, every tenth a key unit, in sizes that need one
// packet, a few and many.
func movie(t testing.TB, c media.Codec, n int) []*media.Unit {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(c)))
	tr := track(t, c)
	access := *tr
	access.Form = media.FormAccess
	step := media.Ticks(3000)
	if c.Kind() == media.KindAudio {
		step = 960
	}
	var us []*media.Unit
	for i := range n {
		size := []int{9000, 40, 1195, 1196, 1197, 1198, 1199, 1200, 1201, 30_000}[i%10]
		key := i%10 == 0 || c == media.CodecH265
		u := &media.Unit{
			Track: &access, PTS: media.Ticks(i) * step, Flags: media.FrameEnd,
			Arrived: time.Unix(1000, 0).Add(time.Duration(i) * 33 * time.Millisecond),
			Access:  frameOf(t, r, c, key, size),
		}
		if u.DTS = u.PTS; key || c.Kind() == media.KindAudio {
			u.Flags |= media.Key
		}
		us = append(us, u)
	}
	return us
}

// packetize is the packets of units.
func packetize(t testing.TB, tr *media.Track, mtu int, us ...*media.Unit) []*media.Unit {
	t.Helper()
	p, err := NewPacketizer(tr, 0, mtu)
	if err != nil {
		t.Fatal(err)
	}
	var out []*media.Unit
	for _, u := range us {
		out = p.Packetize(out, u)
	}
	return out
}

// depacketize is the frames of packets.
func depacketize(t testing.TB, tr *media.Track, packets ...*media.Unit) []Frame {
	t.Helper()
	d, err := NewDepacketizer(tr, 0, bitstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out []Frame
	for _, p := range packets {
		if out, err = d.Push(out, p); err != nil {
			t.Fatalf("packet %d: %v", p.RTP.Sequence, err)
		}
	}
	if out, err = d.Flush(out); err != nil {
		t.Fatal(err)
	}
	return out
}
