//go:build libav && cgo

package av

import "github.com/asticode/go-astiav"

// pool keeps pictures of one size, in 8 bit 4:2:0, to be used again.
type pool struct {
	width, height int
	frames        []*astiav.Frame
}

// poolSize is how many pictures of a pool can be on their way before one that comes
// back is not used again.
const poolSize = 8

// blank is a picture that nobody refers to any more. It stays the pool's: whoever
// passes it on passes a reference.
func (p *pool) blank() (*astiav.Frame, error) {
	for _, f := range p.frames {
		if f.IsWritable() {
			return f, nil
		}
	}
	f := astiav.AllocFrame()
	f.SetWidth(p.width)
	f.SetHeight(p.height)
	f.SetPixelFormat(astiav.PixelFormatYuv420P)
	if err := f.AllocBuffer(0); err != nil {
		f.Free()
		return nil, err
	}
	if len(p.frames) == poolSize {
		p.frames[0].Free()
		p.frames = p.frames[1:]
	}
	p.frames = append(p.frames, f)
	return f, nil
}

func (p *pool) free() {
	for _, f := range p.frames {
		f.Free()
	}
	p.frames = nil
}
