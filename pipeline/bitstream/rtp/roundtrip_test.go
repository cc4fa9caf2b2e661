package rtp

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

func sameAccess(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

// What is laid into packets comes out of them again, with and without a
// configuration beforehand.
func TestRoundTrip(t *testing.T) {
	for _, c := range Codecs() {
		for _, mtu := range []int{minMTU, 500, DefaultMTU, 8900} {
			t.Run(fmt.Sprintf("%v/%d", c, mtu), func(t *testing.T) {
				us := movie(t, c, 40)
				packets := packetize(t, track(t, c), mtu, us...)
				checkPackets(t, packets, mtu)
				for _, tr := range []*media.Track{track(t, c), bare(t, c)} {
					frames := depacketize(t, tr, packets...)
					if len(frames) != len(us) {
						t.Fatalf("%d frames of %d", len(frames), len(us))
					}
					for i, f := range frames {
						checkFrame(t, i, f, us[i])
						if f.Params != frames[0].Params {
							t.Fatalf("frame %d: another configuration", i)
						}
					}
					if want := params(t, c); !bytes.Equal(frames[0].Params.Config, want.Config) || frames[0].Params.Width != want.Width {
						t.Errorf("configuration %+v, want %+v", frames[0].Params, want)
					}
				}
			})
		}
	}
}

func checkFrame(t *testing.T, i int, f Frame, u *media.Unit) {
	t.Helper()
	if !sameAccess(f.Unit.Access, u.Access) {
		t.Fatalf("frame %d: %d units, want %d", i, len(f.Unit.Access), len(u.Access))
	}
	if f.Unit.Flags != u.Flags || f.Unit.PTS != u.PTS || !f.Unit.Arrived.Equal(u.Arrived) || f.Unit.RTP != nil {
		t.Fatalf("frame %d: %v at %d, want %v at %d", i, f.Unit.Flags, f.Unit.PTS, u.Flags, u.PTS)
	}
	if f.Unit.DTS > f.Unit.PTS || u.Track.Codec != media.CodecH265 && f.Unit.DTS != u.DTS {
		t.Fatalf("frame %d: DTS %d at PTS %d", i, f.Unit.DTS, f.Unit.PTS)
	}
}

// checkPackets asserts what the package says about packets.
func checkPackets(t *testing.T, packets []*media.Unit, mtu int) {
	t.Helper()
	first := true
	for i, p := range packets {
		r := p.RTP
		if len(r.Payload) == 0 || len(r.Payload) > mtu {
			t.Fatalf("packet %d: %d bytes", i, len(r.Payload))
		}
		if r.Sequence != uint16(i) || r.Timestamp != uint32(p.PTS) || p.Track.Form != media.FormRTP || p.Access != nil {
			t.Fatalf("packet %d: %+v", i, *r)
		}
		end := p.Flags.Has(media.FrameEnd)
		if video := p.Kind() == media.KindVideo; r.Marker != (end && video) {
			t.Fatalf("packet %d: marker %v, flags %v", i, r.Marker, p.Flags)
		}
		if !first && p.Flags.Has(media.Key) {
			t.Fatalf("packet %d: a key inside of a picture", i)
		}
		if key := KeyStart(p.Track.Codec, r.Payload); first && key != p.Flags.Has(media.Key) {
			t.Fatalf("packet %d: key %v, flags %v", i, key, p.Flags)
		}
		if first && !FrameStart(p.Track.Codec, r.Payload) {
			t.Fatalf("packet %d: %x does not start a picture", i, r.Payload[:4])
		}
		first = end
	}
	if !first {
		t.Error("the last picture has no end")
	}
}

// An inspector finds the flags that a packetizer sets.
func TestInspector(t *testing.T) {
	for _, c := range Codecs() {
		i := NewInspector(c)
		for n, p := range packetize(t, track(t, c), DefaultMTU, movie(t, c, 30)...) {
			if f := i.Flags(p.RTP); f != p.Flags {
				t.Fatalf("%v: packet %d: %v, want %v", c, n, f, p.Flags)
			}
		}
	}
}

// Flags that concern a moment stand on the first packet, others on all.
func TestFlags(t *testing.T) {
	u := movie(t, media.CodecVP8, 10)[9]
	u.Flags |= media.Droppable | media.Gap | media.Discontinuity
	packets := packetize(t, track(t, media.CodecVP8), DefaultMTU, u)
	for i, p := range packets {
		want := media.Droppable
		if i == 0 {
			want |= media.Gap | media.Discontinuity
		}
		if i == len(packets)-1 {
			want |= media.FrameEnd
		}
		if p.Flags != want {
			t.Errorf("packet %d of %d: %v, want %v", i, len(packets), p.Flags, want)
		}
	}
	f := depacketize(t, track(t, media.CodecVP8), append(packetize(t, track(t, media.CodecVP8), DefaultMTU, movie(t, media.CodecVP8, 1)...), renumber(packets, 8)...)...)
	if len(f) != 2 || f[1].Unit.Flags != media.FrameEnd|media.Droppable|media.Discontinuity {
		t.Errorf("%d frames, flags %v", len(f), f[len(f)-1].Unit.Flags)
	}
}

// renumber is copies of packets with sequence numbers from first on.
func renumber(packets []*media.Unit, first uint16) []*media.Unit {
	var out []*media.Unit
	for i, p := range packets {
		u, r := *p, *p.RTP
		r.Sequence = first + uint16(i)
		u.RTP = &r
		out = append(out, &u)
	}
	return out
}

// Where a unit is one NAL unit that fits, its bytes are not copied.
func TestNoCopy(t *testing.T) {
	nal := filled(nil, 2, 0x41, 0x9A)
	packets := packetize(t, track(t, media.CodecH264), DefaultMTU,
		&media.Unit{Track: track(t, media.CodecH264), Access: [][]byte{nal}, Flags: media.FrameEnd})
	if &packets[0].RTP.Payload[0] != &nal[0] {
		t.Error("the payload is a copy")
	}
}

// A changed track keeps sequence numbers and brings its own parameter sets.
func TestSetTrack(t *testing.T) {
	us := movie(t, media.CodecH264, 1)
	p, err := NewPacketizer(track(t, media.CodecH264), 0, DefaultMTU)
	if err != nil {
		t.Fatal(err)
	}
	packets := p.Packetize(nil, us[0])
	small, err := bitstream.FromSets(media.CodecH264, [][]byte{baseline(40, 20), avcPPS()}, bitstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	next := small.Track("a")
	next.Form = media.FormRTP
	if err := p.SetTrack(next); err != nil {
		t.Fatal(err)
	}
	second := *us[0]
	second.PTS += 3000
	packets = p.Packetize(packets, &second)
	checkPackets(t, packets, DefaultMTU)
	frames := depacketize(t, bare(t, media.CodecH264), packets...)
	if len(frames) != 2 || frames[0].Params.Width != 1280 || frames[1].Params.Width != 640 {
		t.Fatalf("%d frames, %+v", len(frames), frames)
	}
	if packets[len(packets)-1].Track != next {
		t.Error("packets are of the old track")
	}
	if err := p.SetTrack(&media.Track{Codec: media.CodecAAC}); err == nil {
		t.Error("AAC is taken")
	}
}

func TestNewPacketizerRefuses(t *testing.T) {
	for _, c := range []struct {
		track *media.Track
		mtu   int
		want  string
	}{
		{track(t, media.CodecVP8), 10, "payloads of 10 bytes: between 128 and 65000 are possible"},
		{&media.Track{Codec: media.CodecAAC}, 1200, "AAC has no RTP payload format here"},
		{&media.Track{Codec: media.CodecH264, Config: []byte{1, 2, 3}}, 1200, "malformed H.264 configuration: not an avcC record"},
	} {
		if _, err := NewPacketizer(c.track, 0, c.mtu); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
