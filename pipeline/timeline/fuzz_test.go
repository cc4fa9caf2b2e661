package timeline

import (
	"encoding/binary"
	"testing"
	"time"

	"weir/pipeline/media"
)

// FuzzLine feeds any clock to a Line: four bytes of wire time, two of offset, two
// of arrival, the track in the offset's lowest bits. A step is at most as long as
// what is believed, plus what passed, plus what the other tracks hold the line up.
func FuzzLine(f *testing.F) {
	op := func(b []byte, wire uint32, offset, wait uint16) []byte {
		b = binary.BigEndian.AppendUint32(b, wire)
		b = binary.BigEndian.AppendUint16(b, offset)
		return binary.BigEndian.AppendUint16(b, wait)
	}
	for _, start := range []uint32{0, 1<<24 - 60, 1<<31 - 60, 1<<32 - 60} {
		for _, step := range []int32{0, -50, -1000, -10_000, 20_000, 3_600_000} {
			var b []byte
			for i := range uint32(8) {
				wire := start + 20*i
				if i > 3 {
					wire += uint32(step)
				}
				b = op(op(b, wire, uint16(i<<2|1), 10), wire, 0, 10)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := NewLine(media.MilliRate, time.Unix(1_700_000_000, 0))
		rates := []media.Rate{48_000, 90_000, 44_100}
		samples := []media.Ticks{960, 0, 1024}
		var tracks [3]*Track
		for i := range tracks {
			tracks[i] = l.Track(rates[i])
		}
		last := [3]media.Ticks{-1, -1, -1}
		var top time.Duration // the end of the timeline, reached at reached
		wrap, now := NewUnwrapper(32), time.Unix(1_700_000_000, 0)
		reached := now
		for ; len(b) >= 8; b = b[8:] {
			offset := int16(binary.BigEndian.Uint16(b[4:]))
			i := int(offset) & 3
			if i == 3 {
				l.Restart()
				wrap = NewUnwrapper(32)
				continue
			}
			now = now.Add(time.Duration(binary.BigEndian.Uint16(b[6:])) * time.Millisecond)
			p := tracks[i].Place(Stamp{
				Wire:   wrap.Unwrap(uint64(binary.BigEndian.Uint32(b))),
				Offset: int64(offset), Samples: samples[i], Arrived: now,
			})
			if p.DTS <= last[i] || p.PTS < p.DTS || p.PTS-p.DTS > rates[i].Ticks(MaxGap) {
				t.Fatalf("DTS %d after %d, PTS %d", p.DTS, last[i], p.PTS)
			}
			last[i] = p.DTS
			at := rates[i].Duration(p.DTS)
			if passed := now.Sub(reached); top != 0 && at-top > passed+MaxGap+2*MaxBack {
				t.Fatalf("a step of %v after %v", at-top, passed)
			}
			if at > top {
				top, reached = at, now
			}
		}
	})
}
