package overlay

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

func encoded(t testing.TB, width, height int, as string) []byte {
	t.Helper()
	p := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		p.SetNRGBA(i%width, i/width, color.NRGBA{R: 200, G: 100, B: 50, A: uint8(255 - i)})
	}
	var b bytes.Buffer
	var err error
	if as == "png" {
		err = png.Encode(&b, p)
	} else {
		err = jpeg.Encode(&b, p, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPicture(t *testing.T) {
	p, err := Picture(bytes.NewReader(encoded(t, 8, 4, "png")))
	if err != nil || p.Rect.Dx() != 8 || p.Rect.Dy() != 4 {
		t.Fatalf("%v: %v", p, err)
	}
	if c := p.NRGBAAt(5, 0); c != (color.NRGBA{R: 200, G: 100, B: 50, A: 250}) {
		t.Errorf("a pixel is %v", c)
	}
	p, err = Picture(bytes.NewReader(encoded(t, 16, 16, "jpeg")))
	if err != nil || p.NRGBAAt(0, 0).A != 255 {
		t.Errorf("a JPEG: %v", err)
	}
}

// bomb is a PNG that claims to be that large.
func bomb(t testing.TB, width, height uint32) []byte {
	t.Helper()
	b := encoded(t, 1, 1, "png")
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestPictureRefused(t *testing.T) {
	for name, file := range map[string][]byte{
		"nothing": nil, "text": []byte("not a picture"), "cut": encoded(t, 8, 4, "png")[:60],
		"wide": bomb(t, 100_000, 1), "large": bomb(t, 4000, 4000), "long": make([]byte, MaxFile+10),
	} {
		if p, err := Picture(bytes.NewReader(file)); err == nil {
			t.Errorf("%s became %v", name, p.Rect)
		}
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(encoded(f, 8, 4, "png"))
	f.Add(encoded(f, 8, 8, "jpeg"))
	f.Add(bomb(f, 4096, 900))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Picture(bytes.NewReader(b))
		if err == nil && (len(p.Pix) > 4*MaxPixels || len(p.Pix) == 0) {
			t.Errorf("%v", p.Rect)
		}
	})
}
