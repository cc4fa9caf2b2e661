//go:build libav && cgo

package av

import "github.com/asticode/go-astiav"

// shot is what an input shows: a picture, and a number that is another for each.
type shot struct {
	frame  *astiav.Frame
	number uint64
}

// aspect is a picture's width for each unit of its height, as it is to be seen.
func aspect(f *astiav.Frame) float64 {
	shape := float64(f.Width()) / float64(f.Height())
	if r := f.SampleAspectRatio(); r.Num() > 0 && r.Den() > 0 {
		shape *= float64(r.Num()) / float64(r.Den())
	}
	return min(64, max(1.0/64, shape))
}

// tile is a picture in the size in which it is shown. It is scaled once, however often
// it is shown. It must be freed.
type tile struct {
	scaler *scaler
	frame  *astiav.Frame // scaled
	number uint64
	crop   bool
	used   bool // since the last sweep
}

// of is a shot in a size, cropped to its shape or stretched. It stays the tile's.
func (t *tile) of(s shot, width, height int, crop bool) (*astiav.Frame, error) {
	same := t.scaler != nil && t.scaler.width == width && t.scaler.height == height && t.crop == crop
	if same && t.frame != nil && t.number == s.number {
		return t.frame, nil
	}
	if !same {
		t.free()
		t.scaler = newScaler(width, height)
		t.scaler.narrow, t.crop = true, crop
	}
	from := s.frame
	if crop {
		var err error
		if from, err = part(s.frame, middle(s.frame, float64(width)/float64(height))); err != nil {
			return nil, err
		}
		defer from.Free()
	}
	scaled, err := t.scaler.scale(from)
	if err != nil {
		return nil, err
	}
	if t.frame != nil {
		t.frame.Free()
	}
	t.frame, t.number = scaled, s.number
	return scaled, nil
}

// middle is the largest area of a picture that is seen in a shape.
func middle(f *astiav.Frame, shape float64) area {
	a := area{width: f.Width(), height: f.Height()}
	if own := aspect(f); own > shape {
		a.width = min(a.width, max(2, evenly(float64(a.width)*shape/own)))
	} else {
		a.height = min(a.height, max(2, evenly(float64(a.height)*own/shape)))
	}
	a.x, a.y = (f.Width()-a.width)/4*2, (f.Height()-a.height)/4*2
	return a
}

func (t *tile) free() {
	if t.frame != nil {
		t.frame.Free()
		t.frame = nil
	}
	if t.scaler != nil {
		t.scaler.close()
		t.scaler = nil
	}
}
