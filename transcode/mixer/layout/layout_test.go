package layout

import (
	"fmt"
	"strings"
	"testing"
)

// text draws boxes as "x,y wxh", nearer ones with a "^", filled ones with a "#".
func text(boxes []Box) string {
	var all []string
	for _, b := range boxes {
		s := fmt.Sprintf("%d,%d %dx%d", b.X, b.Y, b.Width, b.Height)
		if b.Z > 0 {
			s += "^"
		}
		if b.Crop {
			s += "#"
		}
		all = append(all, s)
	}
	return strings.Join(all, " | ")
}

func TestBoxes(t *testing.T) {
	for _, c := range []struct {
		layout   Name
		n, first int
		want     string
	}{
		{Grid, 0, 0, ""},
		{Grid, 1, 0, "0,0 1280x720"},
		{Grid, 2, 0, "0,180 640x360 | 640,180 640x360"},
		{Grid, 3, 0, "0,0 640x360 | 640,0 640x360 | 320,360 640x360"},
		{Grid, 4, 1, "0,0 640x360 | 640,0 640x360 | 0,360 640x360 | 640,360 640x360"},
		{SideBySide, 2, 1, "0,0 640x720# | 640,0 640x720#"},
		{SideBySide, 3, 0, "0,0 426x720# | 426,0 426x720# | 852,0 428x720#"},
		{Speaker, 2, 0, "0,72 1024x576 | 1024,288 256x144"},
		{Speaker, 3, 0, "0,72 1024x576 | 1024,216 256x144 | 1024,360 256x144"},
		{Speaker, 3, 1, "1024,216 256x144 | 0,72 1024x576 | 1024,360 256x144"},
		{Speaker, 3, 7, "0,72 1024x576 | 1024,216 256x144 | 1024,360 256x144"},
		{PictureInPicture, 2, 1, "0,0 1280x720 | 960,532 298x166^"},
		{Auto, 1, 0, "0,0 1280x720"},
		{Auto, 2, 0, "0,0 640x720# | 640,0 640x720#"},
		{Auto, 3, 0, "0,0 640x360 | 640,0 640x360 | 320,360 640x360"},
		{Auto, 5, 0, "0,72 1024x576 | 1024,72 256x144 | 1024,216 256x144 | 1024,360 256x144 | 1024,504 256x144"},
	} {
		if got := text(c.layout.Boxes(Canvas{1280, 720}, c.n, c.first)); got != c.want {
			t.Errorf("%s of %d, %d first:\n got %s\nwant %s", c.layout, c.n, c.first, got, c.want)
		}
	}
}

// What Box promises holds for each layout, number of pictures and shape of canvas.
func TestPromises(t *testing.T) {
	for _, c := range []Canvas{{1920, 1080}, {1280, 720}, {854, 480}, {640, 360}, {720, 1280}, {480, 480}, {128, 128}, {426, 240}} {
		for _, l := range Names() {
			for n := range Most + 4 {
				for first := range n + 1 {
					if err := promised(c, l.Boxes(c, n, first), min(n, Most)); err != nil {
						t.Fatalf("%s of %d on %v, %d first: %v", l, n, c, first, err)
					}
				}
			}
		}
	}
}

func promised(c Canvas, boxes []Box, n int) error {
	if len(boxes) != n {
		return fmt.Errorf("%d boxes", len(boxes))
	}
	for i, b := range boxes {
		switch {
		case b.Width <= 0 || b.Height <= 0:
			return fmt.Errorf("box %d has no size: %+v", i, b)
		case b.X < 0 || b.Y < 0 || b.X+b.Width > c.Width || b.Y+b.Height > c.Height:
			return fmt.Errorf("box %d is outside: %+v", i, b)
		case b.X%2+b.Y%2+b.Width%2+b.Height%2 != 0:
			return fmt.Errorf("box %d is odd: %+v", i, b)
		}
		for j, o := range boxes[:i] {
			if b.Z == o.Z && b.X < o.X+o.Width && o.X < b.X+b.Width && b.Y < o.Y+o.Height && o.Y < b.Y+b.Height {
				return fmt.Errorf("boxes %d and %d overlap: %+v, %+v", j, i, o, b)
			}
		}
	}
	return nil
}

// In a grid all are equally large, and where one stands out it is the largest.
func TestSizes(t *testing.T) {
	c := Canvas{1280, 720}
	for n := 2; n <= Most; n++ {
		for _, b := range Grid.Boxes(c, n, 0) {
			if first := Grid.Boxes(c, n, 0)[0]; b.Width != first.Width || b.Height != first.Height {
				t.Errorf("of %d in a grid: %+v and %+v", n, first, b)
			}
		}
		for first := range n {
			boxes := Speaker.Boxes(c, n, first)
			for i, b := range boxes {
				if i != first && b.Width*4 > boxes[first].Width {
					t.Errorf("of %d, %d first: %+v beside %+v", n, first, b, boxes[first])
				}
			}
		}
	}
}
