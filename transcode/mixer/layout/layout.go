package layout

import "slices"

// Name is the name of a layout.
type Name string

// The layouts.
const (
	// Grid shows all pictures equally large, in rows, each of the canvas's shape.
	Grid Name = "grid"
	// Speaker shows one picture large and the others in a column beside it.
	Speaker Name = "speaker"
	// SideBySide shows all pictures in one row, each as high as the canvas.
	SideBySide Name = "side_by_side"
	// PictureInPicture shows the first picture on all of the canvas and the others
	// small before it.
	PictureInPicture Name = "picture_in_picture"
	// Auto is what suits the number of pictures.
	Auto Name = "auto"
)

// Names lists all of them.
func Names() []Name { return []Name{Auto, Grid, Speaker, SideBySide, PictureInPicture} }

// Canvas is what pictures are shown on, in pixels. Both are even.
type Canvas struct{ Width, Height int }

// Box is where a picture is shown, in pixels, all of them even. It has a size, lies
// within the canvas, and overlaps another one only if their Z differ.
type Box struct {
	X, Y, Width, Height int
	Z                   int  // higher is nearer
	Crop                bool // filled, with what is over cut off
}

// Most is how many pictures a layout can show.
const Most = 16

// Boxes lays out n pictures, at most Most, on a canvas of 128x128 pixels or more; the
// i-th box is the i-th picture's. first is the one that stands out where one does.
func (l Name) Boxes(c Canvas, n, first int) []Box {
	n = min(n, Most)
	if n <= 0 {
		return nil
	}
	if first < 0 || first >= n {
		first = 0
	}
	if n == 1 {
		return []Box{{Width: c.Width, Height: c.Height}}
	}
	switch l.suiting(n) {
	case Speaker:
		return promote(speaker(c, n), first)
	case SideBySide:
		return sideBySide(c, n)
	case PictureInPicture:
		return pictureInPicture(c, n)
	default:
		return grid(c, n)
	}
}

// StandsOut says whether the first of n pictures is shown larger than the others, so
// that it matters which one it is.
func (l Name) StandsOut(n int) bool { return n > 1 && l.suiting(n) == Speaker }

// The most pictures for which Auto takes a layout.
const (
	autoRow  = 2
	autoGrid = 4
)

// suiting is the layout itself, or what Auto is for n pictures.
func (l Name) suiting(n int) Name {
	switch {
	case l != Auto:
		return l
	case n <= autoRow:
		return SideBySide
	case n <= autoGrid:
		return Grid
	default:
		return Speaker
	}
}

// promote gives the first box to the picture of that number; those before it move on.
func promote(boxes []Box, number int) []Box {
	main := boxes[0]
	return slices.Insert(boxes[1:], number, main)
}

// grid has as many columns as rows, or one more: boxes of the canvas's shape are as
// large as they can be then. The last row is in the middle.
func grid(c Canvas, n int) []Box {
	columns := 1
	for columns*columns < n {
		columns++
	}
	rows := (n + columns - 1) / columns
	w, h := even(c.Width/columns), even(c.Height/columns)
	boxes := make([]Box, n)
	for i := range boxes {
		row := i / columns
		inRow := min(columns, n-row*columns)
		boxes[i] = Box{
			X: even((c.Width-inRow*w)/2) + i%columns*w, Y: even((c.Height-rows*h)/2) + row*h,
			Width: w, Height: h,
		}
	}
	return boxes
}

// speaker leaves a fifth of the width to the others. Up to five of them are a fifth of
// the canvas; more are smaller.
func speaker(c Canvas, n int) []Box {
	const share = 5
	others := n - 1
	column := even(c.Width / share)
	main := Box{Width: c.Width - column, Height: even(c.Height - c.Height/share)}
	main.Y = even((c.Height - main.Height) / 2)
	boxes := []Box{main}
	part := max(share, others)
	w, h := even(c.Width/part), even(c.Height/part)
	for i := range others {
		boxes = append(boxes, Box{
			X: main.Width + even((column-w)/2), Y: even((c.Height-others*h)/2) + i*h, Width: w, Height: h,
		})
	}
	return boxes
}

// sideBySide cuts the canvas into columns, which differ by a pair of pixels if it does
// not come out even.
func sideBySide(c Canvas, n int) []Box {
	boxes := make([]Box, n)
	for i := range boxes {
		from, to := even(c.Width*i/n), even(c.Width*(i+1)/n)
		boxes[i] = Box{X: from, Width: to - from, Height: c.Height, Crop: true}
	}
	return boxes
}

// pictureInPicture puts the small pictures at the lower edge, from the right: three of
// a quarter of the canvas, or more that are smaller.
func pictureInPicture(c Canvas, n int) []Box {
	const least, margins = 4, 32
	others := n - 1
	margin := even(c.Height / margins)
	part := max(least, others+1)
	w := even((c.Width - margin*part) / part)
	h := even(w * c.Height / c.Width)
	boxes := []Box{{Width: c.Width, Height: c.Height}}
	for i := range others {
		boxes = append(boxes, Box{
			X: c.Width - (i+1)*(w+margin), Y: c.Height - h - margin, Width: w, Height: h, Z: 1,
		})
	}
	return boxes
}

func even(pixels int) int { return pixels &^ 1 }
