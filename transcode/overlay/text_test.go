package overlay

import (
	"image"
	"image/color"
	"strings"
	"testing"
	"unicode/utf8"
)

func drawn(t *testing.T, s Spec) *image.NRGBA {
	t.Helper()
	p, err := Text(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// inked counts the pixels that are nearer to ink than to paper, and the columns that
// have one.
func inked(p *image.NRGBA) (pixels, columns int) {
	for x := range p.Rect.Dx() {
		before := pixels
		for y := range p.Rect.Dy() {
			if c := p.NRGBAAt(x, y); c.A > 127 && c.R > 127 {
				pixels++
			}
		}
		if pixels > before {
			columns++
		}
	}
	return pixels, columns
}

func TestLetters(t *testing.T) {
	bar := drawn(t, Spec{Text: "|", Size: 64})
	pixels, columns := inked(bar)
	if columns < 3 || columns > 8 || pixels < columns*40 {
		t.Errorf("a bar has %d pixels in %d columns of %v", pixels, columns, bar.Rect)
	}
	dot, _ := inked(drawn(t, Spec{Text: ".", Size: 64}))
	block, _ := inked(drawn(t, Spec{Text: "M", Size: 64}))
	bold, _ := inked(drawn(t, Spec{Text: "M", Size: 64, Bold: true}))
	if !(0 < dot && dot < pixels && pixels < block && block < bold) {
		t.Errorf("pixels of a dot %d, a bar %d, an M %d, a bold M %d", dot, pixels, block, bold)
	}
	if n, _ := inked(drawn(t, Spec{Text: "Привет, Αθήνα, Größe", Size: 32})); n < 500 {
		t.Errorf("%d pixels of Cyrillic, Greek and German", n)
	}
}

// A picture has the same height whatever is in it, and digits have one width, so that a
// clock does not dance.
func TestShape(t *testing.T) {
	size := drawn(t, Spec{Text: "00:00:00", Size: 40, Padding: 5}).Rect
	for _, text := range []string{"11:11:11", "23:47:59"} {
		if got := drawn(t, Spec{Text: text, Size: 40, Padding: 5}).Rect; got != size {
			t.Errorf("%s is of %v, and 00:00:00 of %v", text, got, size)
		}
	}
	for _, text := range []string{"", ".", "jÅ"} {
		if got := drawn(t, Spec{Text: text, Size: 40, Padding: 5}).Rect; got.Dy() != size.Dy() || got.Dx() < 11 {
			t.Errorf("%q is of %v", text, got)
		}
	}
}

func TestBox(t *testing.T) {
	blue := color.NRGBA{B: 200, A: 128}
	p := drawn(t, Spec{Text: "I", Size: 40, Background: blue, Color: color.NRGBA{R: 255, A: 255}, Padding: 8})
	w, h := p.Rect.Dx(), p.Rect.Dy()
	for _, at := range []image.Point{{}, {w - 1, 0}, {0, h - 1}, {w - 1, h - 1}, {4, h / 2}} {
		if c := p.NRGBAAt(at.X, at.Y); c != blue {
			t.Errorf("%v is %v in the box, want %v", at, c, blue)
		}
	}
	if c := p.NRGBAAt(w/2, h/2); c != (color.NRGBA{R: 255, A: 255}) {
		t.Errorf("the letter is %v", c)
	}
	if c := drawn(t, Spec{Text: "I", Size: 40, Padding: 8}).NRGBAAt(0, 0); c.A != 0 {
		t.Errorf("without a box the corner is %v", c)
	}
}

func TestBounds(t *testing.T) {
	long := strings.Repeat("wide ", 10_000)
	if w := drawn(t, Spec{Text: long, Size: MaxSize, Padding: MaxPadding}).Rect.Dx(); w > MaxWidth {
		t.Errorf("a long text is %d pixels wide", w)
	}
	cut := drawn(t, Spec{Text: "Ada Lovelace, Countess", Size: 20, Width: 120})
	if w := cut.Rect.Dx(); w > 120 || w < 90 {
		t.Errorf("a text that was cut to 120 pixels is %d wide", w)
	}
	for name, s := range map[string]Spec{
		"no size": {Text: "a"}, "too large": {Text: "a", Size: 1000}, "too much padding": {Text: "a", Size: 20, Padding: 1000},
		"no room": {Text: "a", Size: 20, Padding: 20, Width: 40},
	} {
		if _, err := Text(s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("Weir", 20.0, 4, 0)
	f.Add("\xff\x00\n‮ﷺ👩‍🚀", 6.0, 0, 30)
	f.Add(strings.Repeat("W", 300), 256.0, 64, 0)
	f.Fuzz(func(t *testing.T, text string, size float64, padding, width int) {
		p, err := Text(Spec{Text: text, Size: size, Padding: padding, Width: width})
		if err != nil {
			return
		}
		if n := len(p.Pix); n == 0 || n > 16<<20-64 || p.Rect.Dx() > MaxWidth {
			t.Errorf("%v", p.Rect)
		}
		if c := clean(text); utf8.RuneCountInString(c) > MaxRunes {
			t.Errorf("%d characters", utf8.RuneCountInString(c))
		}
	})
}
