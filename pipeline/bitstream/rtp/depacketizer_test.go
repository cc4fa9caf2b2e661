package rtp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// push is the frames that packets give, as "PTS/3000 flags", and the errors.
func push(d *Depacketizer, packets ...*media.Unit) string {
	var out []string
	for _, p := range packets {
		frames, err := d.Push(nil, p)
		for _, f := range frames {
			out = append(out, fmt.Sprintf("%d %v", f.Unit.PTS/3000, f.Unit.Flags))
		}
		if err != nil {
			out = append(out, "error: "+err.Error())
		}
	}
	return strings.Join(out, "\n")
}

func newDepacketizer(t *testing.T, tr *media.Track) *Depacketizer {
	t.Helper()
	d, err := NewDepacketizer(tr, 0, bitstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// byPicture is the packets of each unit of the movie of that codec.
func byPicture(t *testing.T, c media.Codec, n int) [][]*media.Unit {
	t.Helper()
	var out [][]*media.Unit
	packets := packetize(t, track(t, c), DefaultMTU, movie(t, c, n)...)
	for len(packets) > 0 {
		i := slices.IndexFunc(packets, func(u *media.Unit) bool { return u.Flags.Has(media.FrameEnd) }) + 1
		out = append(out, packets[:i])
		packets = packets[i:]
	}
	return out
}

// Behind a loss, whatever was lost, nothing comes before the next key unit.
func TestLoss(t *testing.T) {
	const want = "0 key|frame-end\n1 frame-end\n10 key|frame-end|gap\n11 frame-end"
	for _, c := range []media.Codec{media.CodecH264, media.CodecAV1, media.CodecVP8, media.CodecVP9} {
		pictures := byPicture(t, c, 12)
		last := len(pictures[9]) - 1
		for name, lose := range map[string]func(i, j int) bool{
			"a picture":                  func(i, _ int) bool { return i == 2 },
			"pictures up to the last":    func(i, _ int) bool { return i >= 2 && i <= 9 },
			"up to inside of a picture":  func(i, j int) bool { return i >= 2 && i < 9 || i == 9 && j < 2 },
			"from inside of a picture":   func(i, j int) bool { return i >= 2 && i < 9 || i == 9 && j == last },
			"the middle of two pictures": func(i, j int) bool { return i >= 2 && i < 9 || i == 9 && j == 3 },
		} {
			t.Run(fmt.Sprintf("%v/%s", c, name), func(t *testing.T) {
				d := newDepacketizer(t, track(t, c))
				if !d.Waiting() {
					t.Error("it does not wait for the first key unit")
				}
				var packets []*media.Unit
				for i, p := range pictures {
					for j, u := range p {
						if !lose(i, j) {
							packets = append(packets, u)
						}
					}
				}
				if got := push(d, packets...); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
				if d.Waiting() {
					t.Error("it waits at the end")
				}
			})
		}
	}
}

// A loss inside of a key picture costs that and everything up to the next.
func TestKeyLoss(t *testing.T) {
	pictures := byPicture(t, media.CodecH264, 12)
	d := newDepacketizer(t, bare(t, media.CodecH264))
	if got := push(d, pictures[0][0]); got != "" || d.Waiting() {
		t.Errorf("inside of a key picture: %q, waiting %v", got, d.Waiting())
	}
	if got := push(d, append(pictures[0][2:], pictures[1]...)...); got != "" || !d.Waiting() {
		t.Errorf("behind the loss: %q, waiting %v", got, d.Waiting())
	}
	if got := push(d, slices.Concat(pictures[10], pictures[11])...); got != "10 key|frame-end|gap\n11 frame-end" {
		t.Errorf("from the next key picture on: %q", got)
	}
}

// Audio goes on at once.
func TestAudioLoss(t *testing.T) {
	pictures := byPicture(t, media.CodecOpus, 4)
	d := newDepacketizer(t, bare(t, media.CodecOpus))
	if d.Waiting() || string(d.Params().Config) != string(bitstream.OpusHead(2, 0)) {
		t.Errorf("at the beginning: %+v", d.Params())
	}
	if got := push(d, pictures[0][0], pictures[2][0]); got != "0 key|frame-end\n0 key|frame-end|gap" {
		t.Error(got)
	}
}

// A picture ends where the timestamp changes, too, and padding is no part of any.
func TestNoMarker(t *testing.T) {
	pictures := byPicture(t, media.CodecH264, 3)
	var packets []*media.Unit
	for _, p := range pictures {
		for _, u := range p {
			c, r := *u, *u.RTP
			r.Marker = false
			c.RTP = &r
			packets = append(packets, &c)
		}
		padding := *packets[len(packets)-1]
		padding.RTP = &media.RTP{Timestamp: padding.RTP.Timestamp}
		packets = append(packets, &padding)
	}
	d := newDepacketizer(t, track(t, media.CodecH264))
	if got := push(d, renumber(packets, 65530)...); got != "0 key|frame-end\n1 frame-end" {
		t.Error(got)
	}
	if frames, err := d.Flush(nil); err != nil || len(frames) != 1 || frames[0].Unit.PTS != 6000 {
		t.Errorf("%d frames at the end, %v", len(frames), err)
	}
	if frames, err := d.Flush(nil); err != nil || len(frames) != 0 {
		t.Errorf("%d frames behind the end, %v", len(frames), err)
	}
}

// Another SSRC is a new stream, even where sequence numbers fit.
func TestSSRC(t *testing.T) {
	pictures := byPicture(t, media.CodecVP8, 12)
	d := newDepacketizer(t, track(t, media.CodecVP8))
	push(d, slices.Concat(pictures[:2]...)...)
	rest := renumber(slices.Concat(pictures[2:]...), pictures[2][0].RTP.Sequence)
	for _, u := range rest {
		u.RTP.SSRC = 7
	}
	if got := push(d, rest...); got != "10 key|frame-end|gap\n11 frame-end" {
		t.Error(got)
	}
}

// Damage is an error, once, and costs what a loss costs.
func TestDamage(t *testing.T) {
	for _, c := range []struct {
		codec   media.Codec
		payload string
		want    string
	}{
		{media.CodecH264, "1d0102", "packet type 29, which packetization-mode 1 does not have"},
		{media.CodecH264, "1c", "FU-A of 1 bytes"},
		{media.CodecH264, "1c0101", "a fragment has no beginning"},
		{media.CodecH264, "1c8101", "a fragment has no end"},
		{media.CodecH264, "1c9c01", "FU-A of type 28"},
		{media.CodecH264, "18000541", "aggregation packet: NAL unit of 5 bytes where 1 remain"},
		{media.CodecH264, "1800", "aggregation packet: cut off"},
		{media.CodecH264, "1800021801", "aggregation packet: no NAL unit in it"},
		{media.CodecH264, "18000041", "aggregation packet: no NAL unit in it"},
		{media.CodecH265, "62", "H.265 packet of 1 bytes"},
		{media.CodecH265, "620113", "FU of 3 bytes and type 19"},
		{media.CodecH265, "640113aa", "packet type 50"},
		{media.CodecAV1, "10", "AV1 packet: no OBU in it"},
		{media.CodecAV1, "9030", "AV1 packet: does not go on where the last one ended"},
		{media.CodecAV1, "00053010", "AV1 packet: element of 5 bytes where 3 remain"},
		{media.CodecAV1, "30023010", "AV1 packet: 1 elements where 3 are announced"},
		{media.CodecAV1, "1036", "OBU: its header is cut off"},
		{media.CodecAV1, "103280", "OBU: its size is cut off"},
		{media.CodecVP8, "90", "VP8 packet: no more than a descriptor"},
		{media.CodecVP8, "0011", "a frame has no beginning"},
		{media.CodecVP8, "1010", "VP8 key frame without a start code"},
		{media.CodecVP9, "8a80", "VP9 packet: no more than a descriptor"},
		{media.CodecVP9, "0c8200000000", "malformed VP9 key frame without a sync code"},
		{media.CodecVP9, "0c8249834220", "malformed VP9 key frame: cut off"},
	} {
		pictures := byPicture(t, c.codec, 12)
		d := newDepacketizer(t, track(t, c.codec))
		push(d, slices.Concat(pictures[:2]...)...)
		bad := *pictures[2][0]
		bad.RTP = &media.RTP{Timestamp: bad.RTP.Timestamp, Marker: true, Payload: unhex(t, c.payload)}
		rest := renumber(slices.Concat([]*media.Unit{&bad}, slices.Concat(pictures[3:]...)), pictures[2][0].RTP.Sequence)
		got, after, _ := strings.Cut(push(d, rest...), "\n")
		want := "error: " + c.want
		if !strings.HasPrefix(c.want, "malformed ") { // which package bitstream says of what is in the payload
			want = "error: malformed RTP payload: " + c.want
		}
		if got != want {
			t.Errorf("%v %s: %s, want %s", c.codec, c.payload, got, want)
		}
		first := "10 key|frame-end|gap\n11 frame-end"
		if c.codec == media.CodecH265 {
			first = "3 key|frame-end|gap"
		}
		if !strings.HasPrefix(after, first) {
			t.Errorf("%v %s: then\n%s", c.codec, c.payload, after)
		}
	}
}

// A picture of endless fragments is given up.
func TestBounds(t *testing.T) {
	big := make([]byte, 1400)
	copy(big, "\x1C\x01")
	for name, payload := range map[string][]byte{"bytes": big, "fragments": {0x1C, 0x01, 0xAA}} {
		d := newDepacketizer(t, track(t, media.CodecH264))
		u := &media.Unit{RTP: &media.RTP{Payload: []byte{0x1C, 0x85, 0x88}}}
		var err error
		for n := 0; err == nil && n < 20_000; n++ {
			_, err = d.Push(nil, u)
			u = &media.Unit{RTP: &media.RTP{Sequence: uint16(n + 1), Payload: payload}}
		}
		if want := "malformed RTP payload: access unit of more than 8388608 bytes or 16384 fragments"; err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := newDepacketizer(t, track(t, media.CodecH264))
	var err error
	for n := 0; err == nil && n < 2000; n++ {
		_, err = d.Push(nil, &media.Unit{RTP: &media.RTP{Sequence: uint16(n), Payload: []byte{0x65, 0x88}}})
	}
	if want := "malformed RTP payload: access unit of more than 1024 units"; err == nil || err.Error() != want {
		t.Error(err)
	}
}

// Before the first key unit nothing comes out and nothing is wrong; what a stream
// declares is compared with the limits.
func TestBegin(t *testing.T) {
	for _, c := range []media.Codec{media.CodecH264, media.CodecAV1, media.CodecVP8, media.CodecVP9} {
		pictures := byPicture(t, c, 11)
		d := newDepacketizer(t, bare(t, c))
		if got := push(d, slices.Concat(pictures[1:]...)...); got != "10 key|frame-end" {
			t.Errorf("%v: %s", c, got)
		}
		d, err := NewDepacketizer(bare(t, c), 0, bitstream.Limits{MaxWidth: 160})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pictures[0] {
			_, err = d.Push(nil, p)
		}
		var limit *bitstream.LimitError
		if !errors.As(err, &limit) || limit.Advice != "lower the output resolution in the encoder" {
			t.Errorf("%v: %v", c, err)
		}
	}
}
