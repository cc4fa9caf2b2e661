package testcard

import (
	"math/bits"
	"testing"
)

// draw is a picture with a code, its light cells that bright.
func draw(code uint64, width int, light uint8) func(x, y int) uint8 {
	return func(x, _ int) uint8 {
		if code>>(Cells-1-x*Cells/width)&1 == 1 {
			return light
		}
		return 16
	}
}

func TestRead(t *testing.T) {
	for _, width := range []int{320, 640, 854, 1920} {
		for n := uint64(0); n < 1<<28; n = n*3 + 1 {
			if got, ok := Read(width, 180, draw(Code(n), width, 120)); !ok || got != n {
				t.Fatalf("%d of %d pixels is read as %d, %v", n, width, got, ok)
			}
		}
	}
}

func TestReadNothing(t *testing.T) {
	for name, luma := range map[string]func(x, y int) uint8{
		"black":    func(int, int) uint8 { return 16 },
		"gradient": func(x, _ int) uint8 { return uint8(x) },
		"faint":    draw(Code(7), 320, 40),
	} {
		if n, ok := Read(320, 180, luma); ok {
			t.Errorf("%s is read as %d", name, n)
		}
	}
	if _, ok := Read(40, 180, func(int, int) uint8 { return 0 }); ok {
		t.Error("a picture that is too small is read")
	}
}

// No cell can be wrong unnoticed.
func TestCheck(t *testing.T) {
	for _, n := range []uint64{0, 1, 1<<28 - 1, 123_456} {
		code := Code(n)
		if bits.Len64(code) != Cells {
			t.Errorf("%b", code)
		}
		for i := range numbers + checks {
			if got, ok := Read(320, 180, draw(code^1<<i, 320, 200)); ok {
				t.Errorf("%d with cell %d wrong is read as %d", n, i, got)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{1, 2, 3}, 320, 180)
	f.Fuzz(func(t *testing.T, b []byte, width, height int) {
		if width > 2000 || height > 2000 {
			return
		}
		if n, ok := Read(width, height, func(x, y int) uint8 {
			if x < 0 || x >= width || y < 0 || y >= height {
				t.Fatalf("%d,%d is outside", x, y)
			}
			if len(b) == 0 {
				return 0
			}
			return b[(x*7+y)%len(b)]
		}); ok && n >= 1<<numbers {
			t.Errorf("%d", n)
		}
	})
}
