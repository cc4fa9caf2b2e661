package fmp4

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"weir/pipeline/media"
)

func initOf(t testing.TB) []byte {
	t.Helper()
	b, err := Init(
		Stream{Track: &media.Track{ID: "v", Codec: media.CodecH264, Rate: 90000, Config: []byte{1, 2, 3}, Layers: []media.Layer{{Width: 640, Height: 360}}}},
		Stream{Track: &media.Track{ID: "a", Codec: media.CodecAAC, Rate: 48000, Channels: 2, Language: "deu", Config: []byte{0x11, 0x90}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What Init writes is read back.
func TestReadInit(t *testing.T) {
	b := initOf(t)
	all, err := ReadInit(b)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	v, a := all[0], all[1]
	if v.Number != 1 || v.Kind != media.KindVideo || v.Rate != 90000 || v.Width != 640<<16 || v.Height != 360<<16 || !bytes.Contains(v.Entry, []byte("avcC\x01\x02\x03")) {
		t.Errorf("%+v", v)
	}
	if a.Number != 2 || a.Kind != media.KindAudio || a.Rate != 48000 || a.Language != packedLanguage("deu") || string(a.Entry[4:8]) != "mp4a" {
		t.Errorf("%+v", a)
	}
	for size := range len(b) {
		_, _ = ReadInit(b[:size])
	}
	if _, err := ReadInit([]byte("\x00\x00\x00\x08moov")); err == nil {
		t.Error("a header without tracks is one")
	}
}

func FuzzReadInit(f *testing.F) {
	f.Add(initOf(f))
	f.Add([]byte("\x00\x00\x00\x10moov\x00\x00\x00\x08trak"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := ReadInit(b)
		for _, h := range all {
			if err == nil && (h.Number == 0 || h.Rate == 0 || h.Kind == 0 || len(h.Entry) < boxHeader) {
				t.Errorf("%+v", h)
			}
		}
	})
}

// find is the content of the n-th box of a kind, wherever it is.
func find(b []byte, kind string, n int) []byte {
	for ; ; n-- {
		i := bytes.Index(b, []byte(kind))
		if i < 4 {
			return nil
		}
		if n == 0 {
			return b[i+4 : i-4+int(binary.BigEndian.Uint32(b[i-4:]))]
		}
		b = b[i+4:]
	}
}

func flatOf(t *testing.T) (*Flat, *FlatTrack) {
	t.Helper()
	headers, err := ReadInit(initOf(t))
	if err != nil {
		t.Fatal(err)
	}
	f := &Flat{}
	v := f.Track(headers[0])
	if v.Describe(headers[0]) != 0 || v.Describe(headers[0]) != 0 {
		t.Error("the same description is another one")
	}
	return f, v
}

// A sample lasts until the next one; what would decode before its predecessor decodes
// behind it, and is shown when it should be.
func TestFlatTimes(t *testing.T) {
	f, v := flatOf(t)
	v.Add(0, 0, 0, []ScannedSample{{3000, 10, 6000, true}, {3000, 10, 6000, false}})
	v.Add(5000, 20, 0, []ScannedSample{{3000, 10, 7000, true}}) // 1000 early
	v.Add(2000, 30, 0, []ScannedSample{{3000, 10, 15000, false}})
	v.Add(90000, 40, 0, []ScannedSample{{3000, 10, 0, true}})
	b := f.Head(50)
	if got := find(b, "stts", 0)[4:]; !bytes.Equal(got, words(5, 1, 3000, 1, 2000, 1, 1, 1, 84999, 1, 3000)) {
		t.Errorf("stts %x", got)
	}
	if got := find(b, "ctts", 0)[4:]; !bytes.Equal(got, words(4, 2, 6000, 1, 7000, 1, 11999, 1, 0)) {
		t.Errorf("ctts %x", got)
	}
	if got := find(b, "stss", 0)[4:]; !bytes.Equal(got, words(3, 1, 3, 5)) {
		t.Errorf("stss %x", got)
	}
	if got := find(b, "stsc", 0)[4:]; !bytes.Equal(got, words(2, 1, 2, 1, 2, 1, 1)) {
		t.Errorf("stsc %x", got)
	}
	base := uint32(len(b))
	if got := find(b, "stco", 0)[4:]; !bytes.Equal(got, words(4, base, base+20, base+30, base+40)) {
		t.Errorf("stco %x", got)
	}
	if want := 87 * time.Second / 90; f.Duration() != want {
		t.Errorf("it lasts %v, not %v", f.Duration(), want)
	}
	if again := f.Head(50); !bytes.Equal(again, b) {
		t.Error("the head changes")
	}
}

func words(vs ...uint32) (b []byte) {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// A file beyond 4 GiB has places of 64 bits.
func TestFlatWide(t *testing.T) {
	f, v := flatOf(t)
	v.Add(0, 0, 0, []ScannedSample{{3000, 10, 0, true}})
	v.Add(3000, 5<<30, 0, []ScannedSample{{3000, 10, 0, true}})
	b := f.Head(5<<30 + 10)
	co := find(b, "co64", 0)
	if len(co) != 24 || binary.BigEndian.Uint64(co[16:]) != uint64(len(b))+5<<30 || find(b, "stco", 0) != nil {
		t.Errorf("co64 %x", co)
	}
	if got := binary.BigEndian.Uint64(b[len(b)-8:]); got != 5<<30+26 {
		t.Errorf("mdat has %d bytes", got)
	}
}
