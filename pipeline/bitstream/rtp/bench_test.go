package rtp

import (
	"testing"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// BenchmarkPacketize lays units of 10 kB, a frame of 2.5 Mbit/s at 30 frames a
// second, into packets.
func BenchmarkPacketize(b *testing.B) {
	for _, c := range Codecs() {
		b.Run(c.String(), func(b *testing.B) {
			u := unitOf(b, c, 10_400, false)
			p, err := NewPacketizer(track(b, c), 0, DefaultMTU)
			if err != nil {
				b.Fatal(err)
			}
			var dst []*media.Unit
			b.SetBytes(int64(u.Size()))
			b.ReportAllocs()
			for b.Loop() {
				dst = p.Packetize(dst[:0], u)
			}
			b.ReportMetric(float64(len(dst)), "packets/op")
		})
	}
}

// BenchmarkDepacketize puts the same units together.
func BenchmarkDepacketize(b *testing.B) {
	for _, c := range Codecs() {
		b.Run(c.String(), func(b *testing.B) {
			u := unitOf(b, c, 10_400, true)
			packets := packetize(b, track(b, c), DefaultMTU, u)
			d, err := NewDepacketizer(track(b, c), 0, bitstream.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			var dst []Frame
			var sequence uint16
			n, pts := 0, media.Ticks(0)
			b.SetBytes(int64(u.Size()))
			b.ReportAllocs()
			for b.Loop() {
				pts += 3000
				for _, p := range packets {
					p.RTP.Sequence, p.RTP.Timestamp, p.PTS = sequence, uint32(pts), pts
					sequence++
					dst, _ = d.Push(dst[:0], p)
				}
				n += len(dst)
			}
			if n == 0 {
				b.Fatal("no frames")
			}
		})
	}
}

func BenchmarkReorder(b *testing.B) {
	r := NewReorder(DefaultReorderPackets, DefaultReorderWait)
	u := &media.Unit{Arrived: time.Unix(1000, 0), RTP: &media.RTP{}}
	var dst []*media.Unit
	b.ReportAllocs()
	for b.Loop() {
		u.RTP.Sequence++
		dst = r.Push(dst[:0], u)
	}
}

func BenchmarkInspector(b *testing.B) {
	i := NewInspector(media.CodecH264)
	packets := packetize(b, track(b, media.CodecH264), DefaultMTU, movie(b, media.CodecH264, 10)...)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		i.Flags(packets[n%len(packets)].RTP)
		n++
	}
}

// unitOf is a unit of about size bytes.
func unitOf(tb testing.TB, c media.Codec, size int, key bool) *media.Unit {
	tb.Helper()
	us := movie(tb, c, 10)
	if c.Kind() == media.KindAudio {
		return us[0]
	}
	u := us[9]
	if key {
		u = us[0]
	}
	for i, b := range u.Access {
		u.Access[i] = b[:min(len(b), size)]
	}
	return u
}

// A unit costs its packets and their bytes, and nothing else, however many there are.
func TestPacketizeAllocs(t *testing.T) {
	for _, c := range Codecs() {
		for i, u := range movie(t, c, 10) {
			p, err := NewPacketizer(track(t, c), 0, DefaultMTU)
			if err != nil {
				t.Fatal(err)
			}
			dst := p.Packetize(nil, u)
			if n := testing.AllocsPerRun(20, func() { dst = p.Packetize(dst[:0], u) }); n > 2 {
				t.Errorf("%v: unit %d: %v allocations", c, i, n)
			}
		}
	}
}
