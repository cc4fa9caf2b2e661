//go:build libav && cgo

package av

import "github.com/asticode/go-astiav"

// overlay puts the sprites of a scene over pictures. It is for one goroutine, and must
// be freed.
type overlay struct {
	scenery *scenery
	fade    fade
	sprites sprites
	scaler  *scaler // to 8 bit 4:2:0, and the pool of what is drawn on
}

// over is f with what is to be over it: f itself if that is nothing, else a copy, which
// stays the overlay's.
func (o *overlay) over(f *astiav.Frame, s stamp) (*astiav.Frame, error) {
	set := o.scenery.now.Load()
	elements := o.fade.at(set, s.pts)
	drawn := f
	for _, e := range elements {
		if _, known := set.sprites[e.sprite]; e.track != "" || !known {
			continue
		}
		if drawn == f {
			var err error
			if drawn, err = o.copy(f); err != nil {
				return nil, err
			}
		}
		if err := o.sprites.lay(drawn, set, e); err != nil {
			return nil, err
		}
	}
	o.sprites.sweep()
	return drawn, nil
}

// copy is f in a picture of our own. An odd edge is cut off.
func (o *overlay) copy(f *astiav.Frame) (*astiav.Frame, error) {
	width, height := even(f.Width()), even(f.Height())
	if o.scaler == nil || o.scaler.width != width || o.scaler.height != height {
		if o.scaler != nil {
			o.scaler.close()
		}
		o.scaler = newScaler(width, height)
	}
	from, err := o.scaler.scale(f)
	if err != nil {
		return nil, err
	}
	defer from.Free()
	to, err := o.scaler.blank()
	if err != nil {
		return nil, err
	}
	to.SetColorRange(rangeOf(f))
	to.SetColorSpace(f.ColorSpace())
	to.SetSampleAspectRatio(f.SampleAspectRatio())
	blit(to, from, 0, 0, opaque)
	return to, nil
}

func (o *overlay) free() {
	o.sprites.free()
	if o.scaler != nil {
		o.scaler.close()
	}
}
