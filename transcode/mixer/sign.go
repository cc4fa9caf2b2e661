package mixer

import (
	"image"
	"image/color"
	"image/draw"

	"weir/transcode/overlay"
	"weir/transcode/wire"
)

// motif is what a sign shows: a text, or all of the canvas in one colour or a picture.
type motif struct{ text, colour, picture string }

// noSignal is written over a picture that stands.
const noSignal = "no signal"

// lettering draws a text that is so many pixels high.
type lettering func(text string, height int) *image.NRGBA

// gallery is the picture of that name, or nil.
type gallery func(name string) *image.NRGBA

// signs are the sprites that the worker has, and what is on them.
type signs struct {
	canvas  Size
	draw    lettering
	hang    gallery
	known   map[motif]*sign
	missing map[motif]bool // of pictures that are not there
	told    []wire.Sprite  // that the worker has yet to be given
}

type sign struct {
	id            uint16
	width, height int // in pixels
	used          bool
}

func newSigns(canvas Size, draw lettering, hang gallery) *signs {
	return &signs{canvas: canvas, draw: draw, hang: hang, known: make(map[motif]*sign), missing: make(map[motif]bool)}
}

// textHeight is that of labels, in parts of the canvas.
const textHeight = 22

// begin is called before the signs of another scene are asked for.
func (s *signs) begin() {
	for _, g := range s.known {
		g.used = false
	}
}

// sign is the one of a motif, which is made if need be; nil if there are too many, or no
// such picture.
func (s *signs) sign(m motif) *sign {
	if g := s.known[m]; g != nil {
		g.used = true
		return g
	}
	if s.missing[m] {
		return nil
	}
	img := s.paint(m)
	if img == nil {
		s.missing[m] = true
		return nil
	}
	id, ok := s.free()
	if !ok {
		return nil
	}
	g := &sign{id: id, width: img.Rect.Dx(), height: img.Rect.Dy(), used: true}
	s.known[m] = g
	s.told = append(s.told, wire.Sprite{ID: id, Width: g.width, Height: g.height, Pixels: img.Pix})
	return g
}

// free is the number of another sign. If there is none left, one gives way that is not
// in the scene.
func (s *signs) free() (id uint16, ok bool) {
	taken := make(map[uint16]bool)
	for _, g := range s.known {
		taken[g.id] = true
	}
	for id := range uint16(wire.MaxSprites) {
		if !taken[id] {
			return id, true
		}
	}
	for m, g := range s.known {
		if !g.used {
			delete(s.known, m)
			return g.id, true
		}
	}
	return 0, false
}

// paint draws a motif. What fills the canvas has its shape. It is nil if there is no such
// picture.
func (s *signs) paint(m motif) *image.NRGBA {
	switch {
	case m.picture != "":
		return middle(s.hang(m.picture), s.canvas)
	case m.colour == "":
		return s.draw(m.text, s.canvas.Height/textHeight)
	}
	rgb, _ := wire.RGB(m.colour) // Validate has read it
	common := divisor(s.canvas.Width, s.canvas.Height)
	img := image.NewNRGBA(image.Rect(0, 0, s.canvas.Width/common, s.canvas.Height/common))
	for i := 0; i < len(img.Pix); i += 4 {
		copy(img.Pix[i:], []uint8{rgb[0], rgb[1], rgb[2], 255})
	}
	return img
}

// middle is the largest part of a picture in the canvas's shape, or a little higher, so
// that it covers the canvas.
func middle(whole *image.NRGBA, canvas Size) *image.NRGBA {
	if whole == nil {
		return nil
	}
	w, h := whole.Rect.Dx(), whole.Rect.Dy()
	if high := (w*canvas.Height + canvas.Width - 1) / canvas.Width; high <= h {
		h = high
	} else {
		w = max(1, h*canvas.Width/canvas.Height)
	}
	part := image.NewNRGBA(image.Rect(0, 0, w, h))
	from := whole.Rect.Min.Add(image.Pt((whole.Rect.Dx()-w)/2, (whole.Rect.Dy()-h)/2))
	draw.Draw(part, part.Rect, whole, from, draw.Src)
	return part
}

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// fresh are the sprites that the worker has yet to be given.
func (s *signs) fresh() []wire.Sprite {
	told := s.told
	s.told = nil
	return told
}

// over writes a text on a picture: at its lower left corner, or in the middle. A text
// that is too large for it is made smaller.
func (s *signs) over(p picture, text string, middle bool) (wire.Place, bool) {
	g := s.sign(motif{text: text})
	if g == nil {
		return wire.Place{}, false
	}
	const margin, share = 32, 5 // of the box's height
	gap := float64(p.Height) / margin
	scale := min(1, (float64(p.Width)-2*gap)/float64(g.width), float64(p.Height)/share/float64(g.height))
	w, h := float64(g.width)*scale, float64(g.height)*scale
	x, y := float64(p.X)+gap, float64(p.Y+p.Height)-gap-h
	if middle {
		x, y = float64(p.X)+(float64(p.Width)-w)/2, float64(p.Y)+(float64(p.Height)-h)/2
	}
	return wire.Place{
		Sprite: g.id, Z: 2*p.Z + 1, Opacity: 1,
		X: x / float64(s.canvas.Width), Y: y / float64(s.canvas.Height), Width: w / float64(s.canvas.Width),
	}, true
}

// ground fills the canvas behind everything else with a scene's picture, or its colour if
// there is none.
func (s *signs) ground(scene Scene) (wire.Place, bool) {
	var g *sign
	if scene.Picture != "" {
		g = s.sign(motif{picture: scene.Picture})
	}
	if g == nil && scene.Background != "" {
		g = s.sign(motif{colour: scene.Background})
	}
	if g == nil {
		return wire.Place{}, false
	}
	return wire.Place{Sprite: g.id, Width: 1, Z: -2*mostZ - 1, Opacity: 1}, true
}

// write draws white letters on a box that lets the picture through, and a dot for what
// cannot be written.
func write(text string, height int) *image.NRGBA {
	padding := height / 4
	img, err := overlay.Text(overlay.Spec{
		Text: text, Size: float64(max(overlay.MinSize, height)), Bold: true,
		Background: color.NRGBA{A: 160}, Padding: padding,
	})
	if err != nil {
		return image.NewNRGBA(image.Rect(0, 0, 1, 1))
	}
	return img
}
