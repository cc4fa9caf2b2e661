//go:build libav && cgo

package av

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"
)

// scaler brings pictures to one size, in 8 bit 4:2:0. It is for one goroutine, and
// must be closed.
type scaler struct {
	pool
	narrow bool // colours that fill the whole range are not let through
	from   shape
	ctx    *astiav.SoftwareScaleContext
}

func newScaler(width, height int) *scaler { return &scaler{pool: pool{width: width, height: height}} }

// scale is f in the scaler's size: a new reference, which the caller must free. It is
// f itself where there is nothing to do.
func (s *scaler) scale(f *astiav.Frame) (*astiav.Frame, error) {
	from := shapeOf(f)
	through := from.fits() && !(s.narrow && from.format == astiav.PixelFormatYuvj420P)
	if through && from.width == s.width && from.height == s.height {
		return clone(f)
	}
	if s.ctx == nil || from != s.from {
		if err := s.open(from); err != nil {
			return nil, err
		}
	}
	to, err := s.blank()
	if err != nil {
		return nil, err
	}
	to.SetPts(f.Pts())
	to.SetColorRange(f.ColorRange())
	to.SetColorSpace(f.ColorSpace())
	if err := s.ctx.ScaleFrame(f, to); err != nil {
		return nil, fmt.Errorf("scaling from %dx%d to %dx%d: %w", from.width, from.height, s.width, s.height, err)
	}
	return clone(to)
}

func clone(f *astiav.Frame) (*astiav.Frame, error) {
	c := f.Clone()
	if c == nil {
		return nil, errors.New("out of memory")
	}
	return c, nil
}

func (s *scaler) open(from shape) error {
	if s.ctx != nil {
		s.ctx.Free()
	}
	var err error
	s.ctx, err = astiav.CreateSoftwareScaleContext(from.width, from.height, from.format, s.width, s.height,
		astiav.PixelFormatYuv420P, astiav.NewSoftwareScaleContextFlags(astiav.SoftwareScaleContextFlagBicubic))
	if err != nil {
		s.ctx = nil
		return fmt.Errorf("pictures of %dx%d in %s cannot be scaled", from.width, from.height, from.format)
	}
	s.from = from
	return nil
}

func (s *scaler) close() {
	if s.ctx != nil {
		s.ctx.Free()
	}
	s.free()
}
