package overlay

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The bounds of a text.
const (
	// MaxRunes is how many characters of a text are drawn.
	MaxRunes = 256
	// MinSize and MaxSize are the least and the largest Size.
	MinSize, MaxSize = 6, 256
	// MaxPadding is the largest Padding.
	MaxPadding = 64
	// MaxWidth is how wide a picture can be, in pixels.
	MaxWidth = 4096
)

// Spec says how a text looks.
type Spec struct {
	// Text is one line of UTF-8. Control characters are drawn as spaces, what is not
	// UTF-8 or not in the font as the font's sign for that.
	Text string
	// Size is that of the font, in pixels to the em.
	Size float64
	// Bold takes the heavier font.
	Bold bool
	// Color is that of the letters; nil is white.
	Color color.Color
	// Background is that of the box; nil leaves it out.
	Background color.Color
	// Padding is how far the box reaches beyond the text, in pixels.
	Padding int
	// Width is how wide the picture may become, in pixels; 0 is MaxWidth. A text that is
	// wider is cut, and ends in an ellipsis.
	Width int
}

// Text draws a text. The picture is as wide as the text and as high as a line, with the
// padding, whatever the letters are.
func Text(s Spec) (*image.NRGBA, error) {
	if !(s.Size >= MinSize && s.Size <= MaxSize) {
		return nil, fmt.Errorf("a text of %g pixels: sizes are from %d to %d", s.Size, MinSize, MaxSize)
	}
	if s.Padding < 0 || s.Padding > MaxPadding {
		return nil, fmt.Errorf("a padding of %d pixels: it is from 0 to %d", s.Padding, MaxPadding)
	}
	face, err := newFace(s.Size, s.Bold)
	if err != nil {
		return nil, err
	}
	defer face.Close()
	width := MaxWidth
	if s.Width > 0 {
		width = min(s.Width, MaxWidth)
	}
	room := width - 2*s.Padding
	if room < 1 {
		return nil, errors.New("there is no room for a text between its paddings")
	}
	line := fit(face, clean(s.Text), fixed.I(room))
	m := face.Metrics()
	box := image.Rect(0, 0, max(1, font.MeasureString(face, line).Ceil())+2*s.Padding, (m.Ascent+m.Descent).Ceil()+2*s.Padding)
	picture := image.NewNRGBA(box)
	if s.Background != nil {
		draw.Draw(picture, box, image.NewUniform(s.Background), image.Point{}, draw.Src)
	}
	ink := s.Color
	if ink == nil {
		ink = color.White
	}
	d := font.Drawer{
		Dst: picture, Src: image.NewUniform(ink), Face: face,
		Dot: fixed.Point26_6{X: fixed.I(s.Padding), Y: fixed.I(s.Padding) + m.Ascent},
	}
	d.DrawString(line)
	return picture, nil
}

func newFace(size float64, bold bool) (font.Face, error) {
	file := goregular.TTF
	if bold {
		file = gobold.TTF
	}
	f, err := opentype.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("the font: %w", err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("the font: %w", err)
	}
	return face, nil
}

// clean is a text as one line of at most MaxRunes characters.
func clean(text string) string {
	n := 0
	for i := range text {
		if n++; n > MaxRunes {
			text = text[:i]
			break
		}
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// fit cuts a line to what there is room for.
func fit(face font.Face, line string, room fixed.Int26_6) string {
	if font.MeasureString(face, line) <= room {
		return line
	}
	letters := []rune(line)
	for n := len(letters) - 1; n > 0; n-- {
		if cut := strings.TrimRight(string(letters[:n]), " ") + "…"; font.MeasureString(face, cut) <= room {
			return cut
		}
	}
	return ""
}
