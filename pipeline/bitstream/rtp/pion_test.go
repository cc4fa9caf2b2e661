package rtp

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/pion/rtp/codecs"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// depayloader is what pion's depacketizers have in common.
type depayloader interface {
	Unmarshal(payload []byte) ([]byte, error)
}

// payloader is what pion's packetizers have in common.
type payloader interface {
	Payload(mtu uint16, payload []byte) [][]byte
}

// stream is an access unit as pion takes it: a byte stream with parameter sets, OBUs
// with sizes, or a frame.
func stream(t *testing.T, u *media.Unit) []byte {
	t.Helper()
	c, access := u.Track.Codec, u.Access
	switch {
	case inBand(c):
		if u.Flags.Has(media.Key) {
			access = slices.Concat(sets(t, c), access)
		}
		return bitstream.JoinAnnexB(access)
	case c == media.CodecAV1:
		return bitstream.JoinOBUs(access)
	default:
		return bytes.Join(access, nil)
	}
}

// What we lay into packets, pion takes apart as we would.
func TestPionReads(t *testing.T) {
	for c, make := range map[media.Codec]func() depayloader{
		media.CodecH264: func() depayloader { return &codecs.H264Packet{} },
		media.CodecH265: func() depayloader { return &codecs.H265Depacketizer{} },
		media.CodecAV1:  func() depayloader { return &codecs.AV1Depacketizer{} },
		media.CodecVP8:  func() depayloader { return &codecs.VP8Packet{} },
		media.CodecVP9:  func() depayloader { return &codecs.VP9Packet{} },
		media.CodecOpus: func() depayloader { return &codecs.OpusPacket{} },
	} {
		for _, mtu := range []int{minMTU, DefaultMTU} {
			t.Run(fmt.Sprintf("%v/%d", c, mtu), func(t *testing.T) {
				d := make()
				for i, u := range movie(t, c, 20) {
					var got []byte
					for _, p := range packetize(t, track(t, c), mtu, u) {
						b, err := d.Unmarshal(p.RTP.Payload)
						if err != nil {
							t.Fatalf("unit %d: %v", i, err)
						}
						got = append(got, b...)
					}
					if want := stream(t, u); !bytes.Equal(got, want) {
						t.Fatalf("unit %d: %d bytes, want %d", i, len(got), len(want))
					}
				}
			})
		}
	}
}

// What pion lays into packets, we take apart.
func TestPionWrites(t *testing.T) {
	for c, make := range map[media.Codec]func() payloader{
		media.CodecH264: func() payloader { return &codecs.H264Payloader{} },
		media.CodecH265: func() payloader { return &codecs.H265Payloader{} },
		media.CodecAV1:  func() payloader { return &codecs.AV1Payloader{} },
		media.CodecVP8:  func() payloader { return &codecs.VP8Payloader{EnablePictureID: true} },
		media.CodecVP9:  func() payloader { return &codecs.VP9Payloader{FlexibleMode: true} },
		media.CodecOpus: func() payloader { return &codecs.OpusPayloader{} },
	} {
		for _, mtu := range []uint16{minMTU, DefaultMTU} {
			t.Run(fmt.Sprintf("%v/%d", c, mtu), func(t *testing.T) {
				us := movie(t, c, 20)
				frames := depacketize(t, bare(t, c), payloads(t, make(), mtu, us)...)
				if len(frames) != len(us) {
					t.Fatalf("%d frames of %d", len(frames), len(us))
				}
				for i, f := range frames {
					checkFrame(t, i, f, us[i])
				}
			})
		}
	}
}

// The same in pion's non-flexible mode of VP9, which has a scalability structure.
func TestPionStructure(t *testing.T) {
	us := movie(t, media.CodecVP9, 20)
	packets := payloads(t, &codecs.VP9Payloader{}, DefaultMTU, us)
	i := NewInspector(media.CodecVP9)
	var keys int
	for _, p := range packets {
		if i.Flags(p.RTP).Has(media.Key) {
			keys++
		}
	}
	if frames := depacketize(t, bare(t, media.CodecVP9), packets...); len(frames) != 20 || keys != 2 {
		t.Errorf("%d frames, %d keys", len(frames), keys)
	}
}

// payloads is the packets that p makes of units.
func payloads(t *testing.T, p payloader, mtu uint16, us []*media.Unit) []*media.Unit {
	t.Helper()
	var packets []*media.Unit
	for _, u := range us {
		all := p.Payload(mtu, stream(t, u))
		for j, b := range all {
			packets = append(packets, &media.Unit{
				PTS: u.PTS, Arrived: u.Arrived,
				RTP: &media.RTP{
					Sequence: uint16(len(packets)), Timestamp: uint32(u.PTS), Payload: b,
					Marker: j == len(all)-1 && u.Kind() == media.KindVideo,
				},
			})
		}
	}
	return packets
}
