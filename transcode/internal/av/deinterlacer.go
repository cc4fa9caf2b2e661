//go:build libav && cgo

package av

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
)

// deinterlacer makes whole pictures of interlaced ones, as many as there were. What
// comes whole goes through. It delays by a picture, and must be closed.
type deinterlacer struct {
	graph  *astiav.FilterGraph
	source *astiav.BuffersrcFilterContext
	sink   *astiav.BuffersinkFilterContext
	out    *astiav.Frame
	from   shape
}

// newDeinterlacer takes pictures like f.
func newDeinterlacer(f *astiav.Frame) (*deinterlacer, error) {
	d := &deinterlacer{graph: astiav.AllocFilterGraph(), out: astiav.AllocFrame(), from: shapeOf(f)}
	if err := d.build(f); err != nil {
		d.close()
		return nil, fmt.Errorf("deinterlacing pictures of %dx%d in %s: %w", d.from.width, d.from.height, d.from.format, err)
	}
	return d, nil
}

func (d *deinterlacer) build(f *astiav.Frame) error {
	d.graph.SetThreadCount(1)
	var err error
	if d.source, err = d.graph.NewBuffersrcFilterContext(astiav.FindFilterByName("buffer"), "in"); err != nil {
		return err
	}
	if d.sink, err = d.graph.NewBuffersinkFilterContext(astiav.FindFilterByName("buffersink"), "out"); err != nil {
		return err
	}
	p := astiav.AllocBuffersrcFilterContextParameters()
	defer p.Free()
	p.SetWidth(f.Width())
	p.SetHeight(f.Height())
	p.SetPixelFormat(f.PixelFormat())
	p.SetColorRange(f.ColorRange())
	p.SetColorSpace(f.ColorSpace())
	p.SetSampleAspectRatio(f.SampleAspectRatio())
	p.SetTimeBase(astiav.NewRational(1, int(media.VideoRate)))
	if err := d.source.SetParameters(p); err != nil {
		return err
	}
	if err := d.source.Initialize(nil); err != nil {
		return err
	}
	return connect(d.graph, d.source, d.sink, "bwdif=mode=send_frame:deint=interlaced")
}

// connect puts a chain of filters between a source and a sink.
func connect(g *astiav.FilterGraph, source *astiav.BuffersrcFilterContext, sink *astiav.BuffersinkFilterContext, chain string) error {
	in, out := astiav.AllocFilterInOut(), astiav.AllocFilterInOut()
	defer in.Free()
	defer out.Free()
	out.SetName("in")
	out.SetFilterContext(source.FilterContext())
	in.SetName("out")
	in.SetFilterContext(sink.FilterContext())
	if err := g.Parse(chain, in, out); err != nil {
		return err
	}
	return g.Configure()
}

// put takes a picture, or with nil what is left, and gives what comes out.
func (d *deinterlacer) put(f *astiav.Frame, each func(f *astiav.Frame) error) error {
	if err := d.source.AddFrame(f, astiav.NewBuffersrcFlags(astiav.BuffersrcFlagPush, astiav.BuffersrcFlagKeepRef)); err != nil {
		return fmt.Errorf("deinterlacing: %w", err)
	}
	clock := media.Rate(d.sink.TimeBase().Den()) // it counts fields
	return drain(d.sink, d.out, func(f *astiav.Frame) error {
		f.SetPts(int64(media.Rescale(media.Ticks(f.Pts()), clock, media.VideoRate)))
		return each(f)
	})
}

// drain gives all frames that have come to a sink.
func drain(sink *astiav.BuffersinkFilterContext, f *astiav.Frame, each func(f *astiav.Frame) error) error {
	for {
		err := sink.GetFrame(f, astiav.NewBuffersinkFlags())
		switch {
		case errors.Is(err, astiav.ErrEagain), errors.Is(err, astiav.ErrEof):
			return nil
		case err != nil:
			return fmt.Errorf("filtering: %w", err)
		}
		err = each(f)
		f.Unref()
		if err != nil {
			return err
		}
	}
}

func (d *deinterlacer) close() {
	d.out.Free()
	d.graph.Free()
}
