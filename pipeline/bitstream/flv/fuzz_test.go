package flv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// pack writes tags as FuzzDemux reads them: type, length in 2 bytes, payload.
func pack(tags ...Tag) []byte {
	var b []byte
	for _, t := range tags {
		b = append(b, byte(t.Type))
		b = binary.BigEndian.AppendUint16(b, uint16(len(t.Payload)))
		b = append(b, t.Payload...)
	}
	return b
}

func FuzzDemux(f *testing.F) {
	start := []byte{0x17, 0, 0, 0, 0}
	f.Add(pack(
		Metadata{Width: 320, FPS: 30, Encoder: "x"}.Tag(true),
		video(0, start, unhex(f, avcConfig)),
		audio(0, []byte{0xAF, 0}, unhex(f, aacConfig)),
		video(0, []byte{0x17, 1, 0, 0, 80}, avcc([]byte{0x65, 1}, nil)),
		audio(0, []byte{0xAF, 1, 0x21})))
	f.Add(pack(video(0, start, unhex(f, hugeAVC)), video(0, []byte{0x17, 1, 0, 0, 0}, avcc([]byte{0x65, 1}))))
	f.Add(pack(
		video(0, []byte{0x90}, []byte("av01"), unhex(f, av1Config)),
		audio(0, []byte{0x95, 0x10}, []byte("Opus"), []byte{0, 0, 0, 19}, unhex(f, opusConfig)),
		video(7, []byte{0x97, 2, 0x07, 0xA1, 0x20, 0x01}, []byte("av01"), []byte{0x32, 2, 0x10, 5})))
	f.Add(pack(
		video(0, []byte{0x90}, []byte("hvc1"), params(f, media.CodecH265).Config),
		video(0, []byte{0xA3}, []byte("hvc1"), avcc([]byte{0, 1, 9}))))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := NewDemuxer(bitstream.Limits{})
		for n := uint32(0); len(b) >= 3; n++ {
			size := min(int(binary.BigEndian.Uint16(b[1:])), len(b)-3)
			tag := Tag{Type: Type(b[0]), Timestamp: n, Payload: slices.Clone(b[3 : 3+size])}
			b = b[3+size:]
			r, err := d.Demux(tag)
			if err != nil {
				checkError(t, err)
				continue
			}
			if r.Unit.Track != nil {
				checkUnit(t, tag, r.Unit)
			}
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	var other *Unsupported
	var limit *bitstream.LimitError
	if !errors.As(err, &other) && !errors.As(err, &limit) && !errors.Is(err, bitstream.ErrMalformed) {
		t.Fatalf("error of unknown sort: %v", err)
	}
}

// checkUnit asserts that a unit survives being written and read again.
func checkUnit(t *testing.T, tag Tag, u Unit) {
	t.Helper()
	if u.DTS != tag.Timestamp || len(u.Access) == 0 || u.Nanos > 999_999 || !u.Flags.Has(media.FrameEnd) {
		t.Fatalf("unit %+v", u)
	}
	d := NewDemuxer(bitstream.Limits{})
	head, err := SequenceHeader(u.Track, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := d.Demux(head); err != nil || r.Track == nil && len(head.Payload) > 0 {
		t.Fatalf("sequence header %x: %+v, %v", head.Payload, r, err)
	}
	out, err := Mux(u)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Demux(out)
	got := r.Unit
	if err != nil || got.DTS != u.DTS || got.Flags != u.Flags&^media.Gap ||
		!slices.EqualFunc(got.Access, u.Access, bytes.Equal) {
		t.Fatalf("%+v becomes %+v, %v", u, got, err)
	}
	if legacy := out.Payload[0]&0x80 == 0; u.Track.Kind() == media.KindVideo && (got.CTS != u.CTS && u.Track.Codec != media.CodecAV1 ||
		got.Nanos != u.Nanos && !legacy) {
		t.Fatalf("times of %+v become those of %+v", u, got)
	}
}

func FuzzReader(f *testing.F) {
	const head = "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
	f.Add([]byte(head + "\x09\x00\x00\x02\x00\x00\x01\x02\x00\x00\x00ab\x00\x00\x00\x0D"))
	f.Add([]byte(head + "\x09\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00ab"))
	f.Add([]byte("FLV\x01\x05\xFF\xFF\xFF\xFF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		w, err := NewWriter(&out, true, true)
		if err != nil {
			t.Fatal(err)
		}
		var tags []Tag
		for {
			tag, err := r.Next()
			if err != nil {
				break
			}
			if err := w.Write(tag); err != nil {
				t.Fatal(err)
			}
			tags = append(tags, tag)
		}
		again, err := NewReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tags {
			got, err := again.Next()
			if err != nil || got.Type != want.Type || got.Timestamp != want.Timestamp || !bytes.Equal(got.Payload, want.Payload) {
				t.Fatalf("%+v becomes %+v, %v", want, got, err)
			}
		}
		if _, err := again.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("at the end: %v", err)
		}
	})
}
