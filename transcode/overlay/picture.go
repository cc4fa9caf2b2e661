package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // decoders register themselves
	_ "image/png"
	"io"
	"os"
)

// The bounds of a picture that is read.
const (
	// MaxFile is how many bytes of a file are read.
	MaxFile = 8 << 20
	// MaxHeight is how high a picture may be, in pixels, as MaxWidth is how wide.
	MaxHeight = 4096
	// MaxPixels is how many pixels a picture may have.
	MaxPixels = 4_000_000
)

// Picture reads a picture, PNG or JPEG. What is too large is refused before any memory
// is taken for it.
func Picture(r io.Reader) (*image.NRGBA, error) {
	file, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if len(file) > MaxFile {
		return nil, fmt.Errorf("it has more than %d MiB: make it smaller", MaxFile>>20)
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(file))
	if errors.Is(err, image.ErrFormat) {
		return nil, errors.New("it is neither a PNG nor a JPEG")
	}
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	if w, h := head.Width, head.Height; w < 1 || h < 1 || w > MaxWidth || h > MaxHeight || w*h > MaxPixels {
		return nil, fmt.Errorf("it has %dx%d pixels, and may have %d by %d, and %d million in all", w, h, MaxWidth, MaxHeight, MaxPixels/1_000_000)
	}
	whole, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	b := whole.Bounds()
	picture := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(picture, picture.Rect, whole, b.Min, draw.Src)
	return picture, nil
}

// File reads a picture that is a file beneath a directory.
func File(dir, name string) (*image.NRGBA, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory of files: %w", err)
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	return Picture(f)
}
