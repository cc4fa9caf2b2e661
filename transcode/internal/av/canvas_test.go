//go:build libav && cgo

package av

import (
	"bytes"
	"maps"
	"testing"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// plain is a picture of one colour.
func plain(t testing.TB, width, height int, c colour) *astiav.Frame {
	t.Helper()
	f, err := allocPicture(width, height, astiav.PixelFormatYuv420P)
	if err != nil {
		t.Fatal(err)
	}
	fill(f, area{width: width, height: height}, c, opaque)
	return f
}

// at is the colour of a pixel.
func at(t testing.TB, f *astiav.Frame, x, y int) colour {
	t.Helper()
	b, err := f.Data().Bytes(1)
	if err != nil {
		t.Fatal(err)
	}
	w, h := f.Width(), f.Height()
	chroma := b[w*h:]
	i := y/2*(w/2) + x/2
	return colour{b[y*w+x], chroma[i], chroma[w/2*(h/2)+i]}
}

func near(a, b colour) bool {
	for i := range a {
		if d := int(a[i]) - int(b[i]); d > 3 || d < -3 {
			return false
		}
	}
	return true
}

var (
	red   = colourOf([3]uint8{255, 0, 0})
	green = colourOf([3]uint8{0, 255, 0})
	blue  = colourOf([3]uint8{0, 0, 255})
	white = colourOf([3]uint8{255, 255, 255})
)

// half is the colour in the middle of two.
func half(a, b colour) (c colour) {
	for i := range c {
		c[i] = uint8((int(a[i]) + int(b[i])) / 2)
	}
	return c
}

// paint draws a scene of pictures of one colour at a time.
func paint(t *testing.T, c *canvas, s *scenery, pts media.Ticks, pictures map[media.TrackID]shot, want map[[2]int]colour) {
	t.Helper()
	f, err := c.draw(s.now.Load(), pts, func(id media.TrackID) shot { return pictures[id] })
	if err != nil {
		t.Fatal(err)
	}
	for p, w := range want {
		if got := at(t, f, p[0], p[1]); !near(got, w) {
			t.Errorf("at %d: %v is %v, want %v", pts, p, got, w)
		}
	}
}

// Boxes and sprites lie as their order says, within their borders, between their bars.
func TestCanvas(t *testing.T) {
	c := newCanvas(wire.Mix{Width: 320, Height: 180, Background: "#0000ff"})
	defer c.free()
	wide, tall := plain(t, 640, 360, red), plain(t, 90, 160, green)
	defer wide.Free()
	defer tall.Free()
	pictures := map[media.TrackID]shot{"wide": {frame: wide, number: 1}, "tall": {frame: tall, number: 1}}
	s := newScenery()
	s.sprite(wire.Sprite{ID: 5, Width: 2, Height: 2, Pixels: bytes.Repeat([]byte{255, 255, 255, 128}, 4)})
	s.scene(wire.Scene{
		Boxes: []wire.Box{
			{Track: "tall", X: 0.5, Y: 0, Width: 0.5, Height: 1, Z: 2, Opacity: 1},
			{Track: "wide", Width: 1, Height: 1, Z: 1, Opacity: 1},
			{Track: "missing", X: 0, Y: 0.5, Width: 0.25, Height: 0.5, Z: 3, Opacity: 1, Border: 0.1, BorderColor: "#ffffff"},
			{Track: "tall", X: 0.25, Y: 0.5, Width: 0.25, Height: 0.5, Z: 4, Crop: true, Opacity: 0.5},
		},
		Sprites: []wire.Place{{Sprite: 5, X: 0, Y: 0, Width: 0.1, Z: 9, Opacity: 1}, {Sprite: 6, Width: 1, Z: 10, Opacity: 1}},
	})
	paint(t, c, s, 0, pictures, map[[2]int]colour{
		{100, 40}:  red,
		{170, 20}:  blue, // a bar
		{310, 170}: blue,
		{240, 90}:  green,
		{40, 140}:  blue, // no picture, within
		{4, 140}:   white,
		{76, 176}:  white,
		{120, 130}: half(red, green),
		{10, 10}:   half(red, white),
		{40, 10}:   red,
	})
}

// From one scene to the next what is in both glides, and the rest fades.
func TestFade(t *testing.T) {
	c := newCanvas(wire.Mix{Width: 320, Height: 180})
	defer c.free()
	a, b := plain(t, 320, 180, red), plain(t, 320, 180, green)
	defer a.Free()
	defer b.Free()
	pictures := map[media.TrackID]shot{"a": {frame: a, number: 1}, "b": {frame: b, number: 1}}
	black := colourOf([3]uint8{})
	s := newScenery()
	s.scene(wire.Scene{Boxes: []wire.Box{{Track: "a", Width: 0.5, Height: 1, Crop: true, Opacity: 1}}})
	paint(t, c, s, 0, pictures, map[[2]int]colour{{10, 90}: red, {200, 90}: black})
	s.scene(wire.Scene{
		Boxes: []wire.Box{
			{Track: "a", X: 0.5, Width: 0.5, Height: 1, Crop: true, Opacity: 1},
			{Track: "b", Width: 0.25, Height: 1, Z: -1, Crop: true, Opacity: 1},
		},
		FadeMillis: 1000,
	})
	paint(t, c, s, 90_000, pictures, map[[2]int]colour{{10, 90}: red, {200, 90}: black})
	paint(t, c, s, 135_000, pictures, map[[2]int]colour{{10, 90}: half(black, green), {90, 90}: red, {230, 90}: red, {300, 90}: black})
	paint(t, c, s, 180_000, pictures, map[[2]int]colour{{10, 90}: green, {90, 90}: black, {300, 90}: red})
}

// A picture that is shown again is not scaled again.
func TestScaledOnce(t *testing.T) {
	f := plain(t, 640, 360, red)
	defer f.Free()
	var tile tile
	defer tile.free()
	half := cut{width: 320, height: 180}
	first, err := tile.of(shot{frame: f, number: 1}, half)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := tile.of(shot{frame: f, number: 1}, half); err != nil || again != first {
		t.Errorf("scaled again: %v", err)
	}
	if next, err := tile.of(shot{frame: f, number: 2}, half); err != nil || next == first {
		t.Errorf("not scaled: %v", err)
	}
}

// A canvas says in which cuts inputs are shown, but not while they glide, and takes what
// comes in them as it is.
func TestReady(t *testing.T) {
	c := newCanvas(wire.Mix{Width: 320, Height: 180})
	defer c.free()
	whole, ready := plain(t, 640, 360, red), plain(t, 160, 90, green)
	defer whole.Free()
	defer ready.Free()
	pictures := map[media.TrackID]shot{"a": {frame: whole, number: 1, ready: ready, cut: cut{width: 160, height: 90}}}
	s := newScenery()
	wants := func(want map[media.TrackID]cut) {
		t.Helper()
		if !maps.Equal(c.cuts, want) {
			t.Errorf("wants %v, not %v", c.cuts, want)
		}
	}
	s.scene(wire.Scene{Boxes: []wire.Box{{Track: "a", Width: 0.5, Height: 0.5, Opacity: 1}}})
	paint(t, c, s, 0, pictures, map[[2]int]colour{{80, 45}: green})
	wants(map[media.TrackID]cut{"a": {width: 160, height: 90}})
	s.scene(wire.Scene{Boxes: []wire.Box{{Track: "a", Width: 1, Height: 1, Crop: true, Opacity: 1}}, FadeMillis: 1000})
	paint(t, c, s, 45_000, pictures, nil)
	paint(t, c, s, 90_000, pictures, map[[2]int]colour{{80, 45}: red})
	wants(nil)
	paint(t, c, s, 135_000, pictures, map[[2]int]colour{{80, 45}: red})
	wants(map[media.TrackID]cut{"a": {width: 320, height: 180, crop: true}})
	s.scene(wire.Scene{})
	paint(t, c, s, 138_000, pictures, nil)
	wants(nil)
}

// A lane scales pictures for the canvas, unless there are more than it shows.
func TestShoot(t *testing.T) {
	f := plain(t, 640, 360, red)
	defer f.Free()
	v := newView(&outlet{}, 0, "a", newClock(0), 3000, 0)
	defer v.cutter.close()
	half := cut{width: 320, height: 180}
	for _, c := range []struct {
		pts  media.Ticks
		want cut
		size int
	}{{3000, cut{}, 0}, {6000, half, 320}, {9000, half, 320}, {10_500, half, 0}, {12_000, half, 0}, {15_000, cut{}, 0}} {
		v.want(c.want)
		s, err := v.shoot(f, stamp{pts: c.pts})
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		if s.ready != nil {
			size = s.ready.Width()
		}
		if s.frame == nil || s.stamp.pts != c.pts || size != c.size {
			t.Errorf("at %d in %v: %d pixels wide, want %d", c.pts, c.want, size, c.size)
		}
		s.free()
	}
}

// A plain ladder shows sprites over its source, and copies nothing without them.
func TestOverlay(t *testing.T) {
	f := plain(t, 320, 180, blue)
	defer f.Free()
	o := overlay{scenery: newScenery()}
	defer o.free()
	over := func(pts media.Ticks) *astiav.Frame {
		t.Helper()
		drawn, err := o.over(f, stamp{pts: pts})
		if err != nil {
			t.Fatal(err)
		}
		return drawn
	}
	o.scenery.scene(wire.Scene{Sprites: []wire.Place{{Sprite: 1, X: 0.5, Width: 0.5, Opacity: 1}}})
	if over(0) != f {
		t.Error("a picture is copied for a sprite that there is not")
	}
	o.scenery.sprite(wire.Sprite{ID: 1, Width: 1, Height: 1, Pixels: []byte{255, 0, 0, 255}})
	drawn := over(3000)
	if got := at(t, drawn, 240, 80); !near(got, red) {
		t.Errorf("the sprite is %v", got)
	}
	if got := at(t, drawn, 80, 80); !near(got, blue) || !near(at(t, f, 240, 80), blue) {
		t.Errorf("the picture is %v", got)
	}
	o.scenery.sprite(wire.Sprite{ID: 1})
	if over(6000) != f {
		t.Error("a picture is copied for a sprite that is gone")
	}
	for id := range uint16(wire.MaxSprites + 1) {
		if ok := o.scenery.sprite(wire.Sprite{ID: 100 + id, Width: 1, Height: 1, Pixels: make([]byte, 4)}); ok != (id < wire.MaxSprites) {
			t.Errorf("sprite %d: %v", id, ok)
		}
	}
}
