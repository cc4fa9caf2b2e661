package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const clips = "../../../../testdata/media"

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(clips, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// describe is what a file holds, in text.
func describe(t *testing.T, file []byte) string {
	t.Helper()
	tracks, ignored, err := Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, tr := range tracks {
		var size int64
		var last Sample
		for c := tr.Cursor(); ; {
			s, ok := c.Next()
			if !ok {
				break
			}
			size += int64(s.Size)
			last = s
		}
		fmt.Fprintf(&b, "%s 1/%d: %d samples, %d bytes, start %d length %d of %d, last dts %d+%d, least offset %d, config %d bytes\n",
			tr.Codec, tr.Scale, tr.Samples, size, tr.Start, tr.Length, tr.Duration, last.DTS, last.CTS, tr.MinOffset, len(tr.Config))
	}
	for _, name := range ignored {
		fmt.Fprintln(&b, "ignored", name)
	}
	return b.String()
}

// The figures are those of ffprobe.
func TestRead(t *testing.T) {
	const (
		h264 = "H.264 1/15360: 180 samples, 106976 bytes, start 0 length 92160 of 92160, last dts 91648+0, least offset 0, config 45 bytes\n"
		aac  = "AAC 1/48000: 283 samples, 48759 bytes, start 1024 length 288000 of 289024, last dts 288768+0, least offset 0, config 5 bytes\n"
		opus = "Opus 1/48000: 301 samples, 48742 bytes, start 312 length 288000 of 288312, last dts 288000+0, least offset 0, config 19 bytes\n"
	)
	for name, want := range map[string]string{
		"audio-only.mp4":       aac,
		"video-only.mp4":       h264,
		"h264-aac.mp4":         h264 + aac,
		"h264-opus.mp4":        h264 + opus,
		"h264-bframes-aac.mp4": "H.264 1/15360: 180 samples, 116830 bytes, start 1024 length 92160 of 92160, last dts 91648+512, least offset 512, config 47 bytes\n" + aac,
		"h265-aac.mp4":         "H.265 1/15360: 180 samples, 116805 bytes, start 0 length 92160 of 92160, last dts 91648+0, least offset 0, config 2409 bytes\n" + aac,
		"av1-opus.mp4":         "AV1 1/15360: 180 samples, 106713 bytes, start 0 length 92160 of 92160, last dts 91648+0, least offset 0, config 17 bytes\n" + opus,
	} {
		t.Run(name, func(t *testing.T) {
			if got := describe(t, load(t, name)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestConfigs(t *testing.T) {
	for name, want := range map[string]string{
		"h264-aac.mp4": "\x11\x90\x56\xe5\x00", // AAC-LC, and that there is no SBR
		"av1-opus.mp4": "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00",
	} {
		file := load(t, name)
		tracks, _, err := Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(tracks[1].Config); got != want {
			t.Errorf("%s: %x", name, got)
		}
	}
}

// be makes a box.
func be(name string, content ...[]byte) []byte {
	b := slices.Concat(append([][]byte{{0, 0, 0, 0}, []byte(name)}, content...)...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// words is numbers of 32 bits.
func words(v ...uint32) (b []byte) {
	for _, w := range v {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func TestEditLists(t *testing.T) {
	for _, c := range []struct {
		name          string
		elst          []byte
		start, length int64
	}{
		{"none", nil, 0, 48_000},
		{"from a place on", words(0, 1, 500, 1024, 1<<16), 1024, 24_000},
		{"after a pause", words(0, 2, 250, 0xffffffff, 1<<16, 500, 1024, 1<<16), 1024 - 12_000, 24_000},
		{"64 bits", words(1<<24, 1, 0, 500, 0, 1024, 1<<16), 1024, 24_000},
		{"without length", words(0, 1, 0, 1024, 1<<16), 1024, 48_000},
		{"beyond the end", words(0, 1, 500, 99_999, 1<<16), 0, 48_000},
		{"claims more than it has", words(0, 9, 500, 1024, 1<<16), 0, 48_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := &Track{Scale: 48_000, Duration: 48_000}
			tr.edit(c.elst, 1000)
			if tr.Start != c.start || tr.Length != c.length {
				t.Errorf("start %d length %d", tr.Start, tr.Length)
			}
		})
	}
}

// A file is damaged in every byte of its moov box in turn, or cut off: it is read
// or refused, and no sample lies outside.
func TestDamage(t *testing.T) {
	file := load(t, "h264-bframes-aac.mp4")
	at := bytes.Index(file, []byte("moov"))
	for i := at; i < len(file) && i < at+4096; i++ {
		damaged := slices.Clone(file)
		damaged[i] ^= 0xff
		readAll(t, damaged)
		if i%64 == 0 {
			readAll(t, file[:i])
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":      {nil, "no moov box"},
		"fragmented": {be("moov", be("mvex")), "fragmented MP4 is not supported"},
		"huge box":   {be("moov")[:7], "no moov box"},
		"no tables":  {be("moov", be("trak")), "track 1: malformed MP4: no sample description"},
		"too long":   {append(words(99), "moov"...), `box "moov" of 99 bytes at 0`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Read(bytes.NewReader(c.file), int64(len(c.file)))
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrMalformed) == (name == "fragmented") {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func readAll(t testing.TB, file []byte) {
	t.Helper()
	tracks, _, err := Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return
	}
	for _, tr := range tracks {
		n, dts := 0, int64(-1)
		for c := tr.Cursor(); ; n++ {
			s, ok := c.Next()
			if !ok {
				break
			}
			if s.Offset < 0 || s.Offset+int64(s.Size) > int64(len(file)) || s.DTS < dts {
				t.Fatalf("sample %d: %+v after %d in %d bytes", n, s, dts, len(file))
			}
			dts = s.DTS
		}
		if n != tr.Samples || n == 0 || tr.Codec.Kind() == 0 || len(tr.Config) == 0 || tr.Scale == 0 {
			t.Fatalf("%d samples of %+v", n, tr)
		}
	}
}

// tiny is a movie of two Opus packets of 4 bytes, in 132 bytes of sample tables.
func tiny() []byte {
	dops := be("dOps", []byte{0, 2, 1, 0x38}, words(48_000), []byte{0, 0, 0})
	entry := be("Opus", make([]byte, 28), dops)
	stbl := be("stbl",
		be("stsd", words(0, 1), entry), be("stts", words(0, 1, 2, 960)), be("ctts", words(0, 1, 2, 0)),
		be("stsc", words(0, 1, 1, 1, 1)), be("stsz", words(0, 0, 2, 4, 4)), be("stco", words(0, 2, 8, 12)))
	mdia := be("mdia", be("mdhd", words(0, 0, 0, 48_000, 1920, 0x15c70000)), be("minf", stbl))
	edts := be("edts", be("elst", words(0, 1, 40, 312, 1<<16)))
	return append(be("mdat", []byte("abcdefgh")), be("moov", be("mvhd", words(0, 0, 0, 1000, 40)), be("trak", edts, mdia))...)
}

func TestTiny(t *testing.T) {
	want := "Opus 1/48000: 2 samples, 8 bytes, start 312 length 1920 of 1920, last dts 960+0, least offset 0, config 19 bytes\n"
	if got := describe(t, tiny()); got != want {
		t.Errorf("got %s", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(tiny())
	for _, name := range []string{"h264-bframes-aac.mp4", "av1-opus.mp4", "h265-aac.mp4"} {
		file := load(f, name)
		f.Add(file[bytes.Index(file, []byte("moov"))-4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) { readAll(t, b) })
}
