//go:build libav && cgo

package av

import (
	"errors"

	"github.com/asticode/go-astiav"

	"weir/transcode/wire"
)

// sprites keeps sprites in the sizes that they are shown in. It is for one goroutine,
// and must be freed.
type sprites struct {
	ready map[spriteSize]*astiav.Frame
	used  map[spriteSize]bool // since the last sweep
}

type spriteSize struct {
	pixels        *byte // as a name of the sprite
	width, height int
}

// lay puts a sprite over f.
func (s *sprites) lay(f *astiav.Frame, set *setting, e element) error {
	p, ok := set.sprites[e.sprite]
	if !ok {
		return nil
	}
	a := areaOf(e.x, e.y, e.width, 0, f.Width(), f.Height())
	if a.width <= 0 {
		return nil
	}
	a.height = max(2, evenly(float64(a.width)*float64(p.Height)/float64(p.Width)))
	if a.height > maxSide {
		return nil
	}
	sprite, err := s.of(p, a.width, a.height)
	if err != nil {
		return err
	}
	if sprite.PixelFormat() == astiav.PixelFormatYuv420P {
		blit(f, sprite, a.x, a.y, opacityOf(e.opacity))
	} else {
		lay(f, sprite, a.x, a.y, opacityOf(e.opacity))
	}
	return nil
}

// of is a sprite in a size, which stays the keeper's.
func (s *sprites) of(p wire.Sprite, width, height int) (*astiav.Frame, error) {
	size := spriteSize{&p.Pixels[0], width, height}
	if s.ready == nil {
		s.ready, s.used = make(map[spriteSize]*astiav.Frame), make(map[spriteSize]bool)
	}
	s.used[size] = true
	if f := s.ready[size]; f != nil {
		return f, nil
	}
	f, err := drawSprite(p, width, height)
	if err == nil {
		s.ready[size] = f
	}
	return f, err
}

// sweep forgets what was not used since it was last called.
func (s *sprites) sweep() {
	for size, f := range s.ready {
		if !s.used[size] {
			f.Free()
			delete(s.ready, size)
		}
	}
	clear(s.used)
}

func (s *sprites) free() {
	clear(s.used)
	s.sweep()
}

// drawSprite is a sprite as lay takes it, or blit, which is quick, if nothing is seen
// through it.
func drawSprite(p wire.Sprite, width, height int) (*astiav.Frame, error) {
	format := astiav.PixelFormatYuva420P
	if solid(p.Pixels) {
		format = astiav.PixelFormatYuv420P
	}
	from, err := allocPicture(p.Width, p.Height, astiav.PixelFormatRgba)
	if err != nil {
		return nil, err
	}
	defer from.Free()
	premultiply(from, p.Pixels)
	to, err := allocPicture(width, height, format)
	if err != nil {
		return nil, err
	}
	x, err := astiav.CreateSoftwareScaleContext(p.Width, p.Height, astiav.PixelFormatRgba, width, height,
		format, astiav.NewSoftwareScaleContextFlags(astiav.SoftwareScaleContextFlagBicubic))
	if err != nil {
		to.Free()
		return nil, errors.New("a sprite cannot be scaled")
	}
	defer x.Free()
	if err := x.ScaleFrame(from, to); err != nil {
		to.Free()
		return nil, err
	}
	return to, nil
}

// solid says whether no pixel lets anything through.
func solid(rgba []byte) bool {
	for i := 3; i < len(rgba); i += 4 {
		if rgba[i] != 255 {
			return false
		}
	}
	return true
}

func allocPicture(width, height int, format astiav.PixelFormat) (*astiav.Frame, error) {
	f := astiav.AllocFrame()
	f.SetWidth(width)
	f.SetHeight(height)
	f.SetPixelFormat(format)
	if err := f.AllocBuffer(0); err != nil {
		f.Free()
		return nil, err
	}
	return f, nil
}
