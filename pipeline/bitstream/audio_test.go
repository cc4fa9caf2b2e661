package bitstream

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"weir/pipeline/media"
)

func TestADTS(t *testing.T) {
	config, err := AudioSpecificConfig(48000, 2)
	if err != nil {
		t.Fatal(err)
	}
	frames := [][]byte{{1, 2, 3}, bytes.Repeat([]byte{9}, 700)}
	var stream []byte
	for _, f := range frames {
		if stream, err = AppendADTS(stream, config, f); err != nil {
			t.Fatal(err)
		}
	}
	if want := []byte{0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x5F, 0xFC, 1, 2, 3}; !bytes.Equal(stream[:10], want) {
		t.Errorf("header %x, want %x", stream[:10], want)
	}
	gotConfig, got, err := SplitADTS(stream)
	if err != nil || !bytes.Equal(gotConfig, config) || !slices.EqualFunc(got, frames, bytes.Equal) {
		t.Errorf("got %x, %x, %v", gotConfig, got, err)
	}
	for name, b := range map[string][]byte{
		"no sync": {0xFE, 0xF1, 0x4C, 0x80, 0x01, 0x5F, 0xFC},
		"cut":     stream[:9],
		"empty":   {0xFF, 0xF1, 0x4C, 0x80, 0x00, 0xFF, 0xFC},
		"rate":    {0xFF, 0xF1, 0x7C, 0x80, 0x01, 0x1F, 0xFC, 7},
	} {
		if _, _, err := SplitADTS(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := AppendADTS(nil, config, make([]byte, 8190)); err == nil {
		t.Error("a frame of 8190 bytes does not fit 13 bits")
	}
}

func TestAudioSpecificConfig(t *testing.T) {
	for _, c := range []struct{ rate, channels int }{{48000, 2}, {44100, 1}, {8000, 8}, {12345, 6}} {
		config, err := AudioSpecificConfig(c.rate, c.channels)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(media.CodecAAC, config, Limits{})
		if err != nil || p.Channels != c.channels || p.Rate != media.Rate(c.rate) {
			t.Errorf("%v: got %+v, %v", c, p, err)
		}
	}
	if _, err := AudioSpecificConfig(48000, 7); err == nil {
		t.Error("7 channels have no layout")
	}
}

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec media.Codec
		frame []byte
		want  int
	}{
		{"SILK 10 ms", media.CodecOpus, []byte{0 << 3}, 480},
		{"SILK 60 ms", media.CodecOpus, []byte{3 << 3}, 2880},
		{"hybrid 20 ms", media.CodecOpus, []byte{13 << 3}, 960},
		{"CELT 2.5 ms", media.CodecOpus, []byte{16 << 3}, 120},
		{"CELT 20 ms, two", media.CodecOpus, []byte{31<<3 | 1}, 1920},
		{"CELT 20 ms, six", media.CodecOpus, []byte{31<<3 | 3, 6}, 5760},
		{"AAC", media.CodecAAC, []byte{0x21}, 1024},
		{"MP3", media.CodecMP3, []byte{0xFF, 0xFB, 0x90, 0xC4, 0}, 1152},
		{"MP3, MPEG-2", media.CodecMP3, []byte{0xFF, 0xF3, 0x90, 0xC4, 0}, 576},
	} {
		if n, err := Samples(c.codec, c.frame); n != c.want || err != nil {
			t.Errorf("%s: %d samples, %v", c.name, n, err)
		}
	}
	for name, packet := range map[string][]byte{
		"empty": nil, "no count": {3}, "zero frames": {3, 0}, "180 ms": {3<<3 | 3, 3},
	} {
		if n, err := Samples(media.CodecOpus, packet); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %d samples, %v", name, n, err)
		}
	}
	if _, err := Samples(media.CodecH264, []byte{0x65}); err == nil {
		t.Error("a picture has no duration of its own")
	}
	p := mustParse(t, media.CodecAAC, []byte{0x11, 0x94})
	if n, err := p.FrameTicks(nil); n != 960 || err != nil {
		t.Errorf("AAC of 960: %d, %v", n, err)
	}
}

func TestMP3FromFrame(t *testing.T) {
	p, err := FromSets(media.CodecMP3, [][]byte{{0xFF, 0xFB, 0x90, 0xC4, 0}}, Limits{})
	if err != nil || p.Rate != 44100 || p.Channels != 1 || p.CodecString() != "mp4a.40.34" {
		t.Errorf("got %+v, %v", p, err)
	}
	var other *UnsupportedError
	if _, err := FromSets(media.CodecMP3, [][]byte{{0xFF, 0xFD, 0x90, 0xC4, 0}}, Limits{}); !errors.As(err, &other) {
		t.Errorf("layer 2: %v", err)
	}
}
