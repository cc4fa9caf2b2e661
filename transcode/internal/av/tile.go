//go:build libav && cgo

package av

import "github.com/asticode/go-astiav"

// aspect is a picture's width for each unit of its height, as it is to be seen.
func aspect(f *astiav.Frame) float64 {
	shape := float64(f.Width()) / float64(f.Height())
	if r := f.SampleAspectRatio(); r.Num() > 0 && r.Den() > 0 {
		shape *= float64(r.Num()) / float64(r.Den())
	}
	return min(64, max(1.0/64, shape))
}

// cut is how a picture is shown: in a size, cropped to its shape or stretched.
type cut struct {
	width, height int
	crop          bool
}

// cutter scales pictures for a canvas. It is for one goroutine, and must be closed.
type cutter struct {
	cut
	scaler *scaler
}

// of is a picture in a cut: a new reference, which the caller must free.
func (c *cutter) of(f *astiav.Frame, want cut) (*astiav.Frame, error) {
	if c.scaler == nil || c.cut != want {
		c.close()
		c.scaler, c.cut = newScaler(want.width, want.height), want
		c.scaler.narrow = true
	}
	if !want.crop {
		return c.scaler.scale(f)
	}
	part, err := part(f, middle(f, float64(want.width)/float64(want.height)))
	if err != nil {
		return nil, err
	}
	defer part.Free()
	return c.scaler.scale(part)
}

func (c *cutter) close() {
	if c.scaler != nil {
		c.scaler.close()
		c.scaler = nil
	}
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

// tile is a picture in the cut in which it is shown. It is scaled once, however often
// it is shown. It must be freed.
type tile struct {
	cutter
	frame  *astiav.Frame // in that cut
	number uint64        // of its shot
	used   bool          // since the last sweep
}

// of is a shot in a cut. It stays the tile's.
func (t *tile) of(s shot, want cut) (*astiav.Frame, error) {
	if t.frame != nil && t.number == s.number && t.cut == want {
		return t.frame, nil
	}
	f, err := t.cutter.of(s.frame, want)
	if err != nil {
		return nil, err
	}
	t.drop()
	t.frame, t.number = f, s.number
	return f, nil
}

func (t *tile) drop() {
	if t.frame != nil {
		t.frame.Free()
		t.frame = nil
	}
}

func (t *tile) free() {
	t.drop()
	t.close()
}
