//go:build libav && cgo

package av

import (
	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// canvas composes pictures. It is for one goroutine, and must be freed.
type canvas struct {
	pool
	background colour
	fade       fade
	sprites    sprites
	tiles      map[name]*tile
	// cuts are those of the inputs in the last picture, if they are likely to stay.
	cuts map[media.TrackID]cut
}

func newCanvas(m wire.Mix) *canvas {
	rgb, _ := wire.RGB(m.Background) // was checked
	return &canvas{pool: pool{width: m.Width, height: m.Height}, background: colourOf(rgb), tiles: make(map[name]*tile), cuts: make(map[media.TrackID]cut)}
}

// draw is the picture of a time, of what each track shows then; a shot without a frame
// is none. It stays the canvas's.
func (c *canvas) draw(set *setting, pts media.Ticks, shows func(media.TrackID) shot) (*astiav.Frame, error) {
	f, err := c.blank()
	if err != nil {
		return nil, err
	}
	f.SetColorRange(astiav.ColorRangeMpeg)
	clear(c.cuts)
	elements := c.fade.at(set, pts)
	if !c.covered(elements) {
		fill(f, area{width: c.width, height: c.height}, c.background, opaque)
	}
	for _, e := range elements {
		if e.track == "" {
			err = c.sprites.lay(f, set, e)
		} else {
			err = c.box(f, e, shows(e.track))
		}
		if err != nil {
			return nil, err
		}
	}
	c.sweep()
	return f, nil
}

// covered says whether opaque boxes that do not overlap leave nothing of the background.
func (c *canvas) covered(elements []element) bool {
	pixels := 0
	var boxes []area
	for _, e := range elements {
		if e.track == "" || e.opacity < 1 {
			continue
		}
		a := areaOf(e.x, e.y, e.width, e.height, c.width, c.height)
		if a.empty() || a.x+a.width > c.width || a.y+a.height > c.height {
			continue
		}
		for _, b := range boxes {
			if a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+b.height && b.y < a.y+a.height {
				return false
			}
		}
		boxes = append(boxes, a)
		pixels += a.width * a.height
	}
	return pixels == c.width*c.height
}

// box draws a picture in its box: within the border, between bars if it does not fill
// it, or the background if there is none.
func (c *canvas) box(f *astiav.Frame, e element, s shot) error {
	a := areaOf(e.x, e.y, e.width, e.height, c.width, c.height)
	opacity := opacityOf(e.opacity)
	border := min(evenly(e.border*float64(c.height)), a.width/4*2, a.height/4*2)
	if a.empty() || opacity == 0 {
		return nil
	}
	frameIn(f, a, border, e.edge, opacity)
	inner := a.inset(border)
	if s.frame == nil || inner.empty() {
		fill(f, inner, c.background, opacity)
		return nil
	}
	seen := inner
	if !e.crop {
		seen = inner.fit(aspect(s.frame))
	}
	c.bars(f, inner, seen, opacity)
	scaled, err := c.scaled(e, s, cut{seen.width, seen.height, e.crop})
	if err != nil {
		return err
	}
	blit(f, scaled, seen.x, seen.y, opacity)
	return nil
}

// scaled is a picture in the cut in which it is shown. It stays its owner's.
func (c *canvas) scaled(e element, s shot, want cut) (*astiav.Frame, error) {
	if !c.fade.on {
		c.cuts[e.track] = want
	}
	if s.ready != nil && s.cut == want {
		return s.ready, nil
	}
	t := c.tiles[e.name]
	if t == nil {
		t = &tile{}
		c.tiles[e.name] = t
	}
	t.used = true
	return t.of(s, want)
}

// bars fills what a picture leaves of its box.
func (c *canvas) bars(f *astiav.Frame, box, seen area, opacity int) {
	top, left := seen.y-box.y, seen.x-box.x
	fill(f, area{box.x, box.y, box.width, top}, c.background, opacity)
	fill(f, area{box.x, seen.y + seen.height, box.width, box.height - top - seen.height}, c.background, opacity)
	fill(f, area{box.x, seen.y, left, seen.height}, c.background, opacity)
	fill(f, area{seen.x + seen.width, seen.y, box.width - left - seen.width, seen.height}, c.background, opacity)
}

// sweep forgets what was not shown.
func (c *canvas) sweep() {
	c.sprites.sweep()
	for n, t := range c.tiles {
		if !t.used {
			t.free()
			delete(c.tiles, n)
		}
		t.used = false
	}
}

func (c *canvas) free() {
	for _, t := range c.tiles {
		t.free()
	}
	c.sprites.free()
	c.pool.free()
}
