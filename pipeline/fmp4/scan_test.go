package fmp4

import (
	"bytes"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// fragment is one of a video and an audio track, beginning at tick at of both.
func fragment(t testing.TB, sequence uint32, at media.Ticks) []byte {
	t.Helper()
	video := &media.Track{ID: "video", Codec: media.CodecH264, Rate: media.VideoRate}
	audio := &media.Track{ID: "audio", Codec: media.CodecAAC, Rate: 48000}
	runs := []Run{{Number: 1, Shift: 100}, {Number: 2}}
	for i := range media.Ticks(3) {
		v := &media.Unit{Track: video, DTS: at + i*3000, PTS: at + i*3000 + 6000, Access: [][]byte{{0x65, byte(i)}, {0x65}}}
		if i == 0 {
			v.Flags = media.Key
		}
		runs[0].Samples = append(runs[0].Samples, Sample{v, 3000})
		runs[1].Samples = append(runs[1].Samples, Sample{&media.Unit{Track: audio, DTS: at + i*1024, Access: [][]byte{{1, 2, 3}}}, 1024})
	}
	b, payload := Head(sequence, runs...)
	whole := len(b) + payload
	for _, r := range runs {
		for _, s := range r.Samples {
			var err error
			if b, err = bitstream.Append(b, s.Unit.Track.Codec, s.Unit.Access); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(b) != whole {
		t.Fatalf("%d bytes instead of %d", len(b), whole)
	}
	return b
}

// What Head writes is read back, however much of the last fragment is missing.
func TestScan(t *testing.T) {
	one, two := fragment(t, 1, 0), fragment(t, 2, 9000)
	file := append(bytes.Clone(one), two...)
	for size := range len(file) + 1 {
		var found []Fragment
		good, err := Scan(bytes.NewReader(file[:size]), int64(size), func(f Fragment) error { found = append(found, f); return nil })
		want := 0
		if size >= len(one) {
			want++
		}
		if size == len(file) {
			want++
		}
		if err != nil || len(found) != want || good != int64([]int{0, len(one), len(file)}[want]) {
			t.Fatalf("of %d bytes: %d fragments, %d bytes, %v", size, len(found), good, err)
		}
		if want < 2 {
			continue
		}
		v, a := found[1].Runs[0], found[1].Runs[1]
		if v.Number != 1 || v.DTS != 9100 || v.Duration() != 9000 || !v.Samples[0].Sync || v.Samples[1].Sync || v.Samples[0].Composition != 6000 {
			t.Errorf("video: %+v", v)
		}
		if a.Number != 2 || a.DTS != 9000 || a.Duration() != 3072 || !a.Samples[2].Sync || a.Samples[0].Size != 3 {
			t.Errorf("audio: %+v", a)
		}
		if got := two[a.Data : a.Data+3]; !bytes.Equal(got, []byte{1, 2, 3}) {
			t.Errorf("the sound is not where it is said to be: %x", got)
		}
	}
}

// Whatever is in a file, Scan ends and takes little memory.
func FuzzScan(f *testing.F) {
	f.Add(fragment(f, 1, 0))
	f.Add(append(fragment(f, 1, 0), fragment(f, 2, 9000)[:50]...))
	f.Add([]byte("\x00\x00\x00\x10moof\x00\x00\x00\x08traf\x00\x00\x00\x08mdat"))
	f.Fuzz(func(t *testing.T, b []byte) {
		good, _ := Scan(bytes.NewReader(b), int64(len(b)), func(Fragment) error { return nil })
		if good < 0 || good > int64(len(b)) {
			t.Errorf("%d of %d bytes are good", good, len(b))
		}
	})
}
