package flv

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"weir/pipeline/bitstream"
)

func TestFile(t *testing.T) {
	tags := []Tag{
		{Type: Script, Payload: []byte{2, 0, 0}},
		{Type: Video, Timestamp: 0xFFFFFF, Payload: bytes.Repeat([]byte{7}, 200_000)},
		{Type: Audio, Timestamp: 0xFEDCBA98, Payload: []byte{}},
	}
	var file bytes.Buffer
	w, err := NewWriter(&file, true, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range tags {
		if err := w.Write(tag); err != nil {
			t.Fatal(err)
		}
	}
	if want := []byte{'F', 'L', 'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0}; !bytes.Equal(file.Bytes()[:13], want) {
		t.Errorf("header %x", file.Bytes()[:13])
	}
	r, err := NewReader(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range tags {
		got, err := r.Next()
		if err != nil || got.Type != want.Type || got.Timestamp != want.Timestamp || !bytes.Equal(got.Payload, want.Payload) {
			t.Errorf("got %v %d %d bytes, %v", got.Type, got.Timestamp, len(got.Payload), err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := w.Write(Tag{Payload: make([]byte, 1<<24)}); err == nil {
		t.Error("a tag of 16 MiB does not fit")
	}
}

func TestFileDamage(t *testing.T) {
	const head = "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
	for _, c := range []struct {
		name, file string
		want       error
	}{
		{"empty", "", io.ErrUnexpectedEOF},
		{"other format", "RIFF....AVI ", bitstream.ErrMalformed},
		{"header offset of 4 GiB", "FLV\x01\x05\xFF\xFF\xFF\xFF", bitstream.ErrMalformed},
		{"cut in the header", head[:10], io.ErrUnexpectedEOF},
		{"cut in a tag header", head + "\x09\x00\x00", io.ErrUnexpectedEOF},
		{"cut in a tag", head + "\x09\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00ab", io.ErrUnexpectedEOF},
		{"claimed 16 MiB", head + "\x09\xFF\xFF\xFF\x00\x00\x00\x00\x00\x00\x00ab", bitstream.ErrMalformed},
		{"claimed 8 MiB", head + "\x09\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00ab", io.ErrUnexpectedEOF},
		{"no tags", head, io.EOF},
		{"last size missing", head + "\x09\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00a", io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := readAll(strings.NewReader(c.file)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	var other *Unsupported
	if err := readAll(strings.NewReader(head + "\x29\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00a")); !errors.As(err, &other) {
		t.Errorf("encrypted: %v", err)
	}
}

// readAll is the error that a file ends with: io.EOF if all is well.
func readAll(r io.Reader) error {
	f, err := NewReader(r)
	for err == nil {
		_, err = f.Next()
	}
	return err
}
