//go:build libav && cgo

package av

import (
	"fmt"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
)

// soundRate is the clock of all sound that is made.
const soundRate = media.OpusRate

// resampler brings sound of one format to soundRate and the format of an encoder, and
// keeps it on its timestamps. It must be closed.
type resampler struct {
	graph  *astiav.FilterGraph
	source *astiav.BuffersrcFilterContext
	sink   *astiav.BuffersinkFilterContext
	out    *astiav.Frame
	origin media.Ticks // of soundRate: where the output begins
	from   sound
}

// sound is a format of sound.
type sound struct {
	format   astiav.SampleFormat
	rate     int
	layout   string
	channels int
}

func soundOf(f *astiav.Frame) sound {
	l := f.ChannelLayout()
	return sound{format: f.SampleFormat(), rate: f.SampleRate(), layout: l.String(), channels: l.Channels()}
}

// newResampler takes frames like f, whose output begins at origin exactly: silence is
// put before what begins later, and what is before is cut off.
func newResampler(f *astiav.Frame, to astiav.SampleFormat, channels int, origin media.Ticks) (*resampler, error) {
	r := &resampler{graph: astiav.AllocFilterGraph(), out: astiav.AllocFrame(), origin: origin, from: soundOf(f)}
	if err := r.build(f, to, channels); err != nil {
		r.close()
		return nil, fmt.Errorf("resampling %s sound of %d Hz: %w", r.from.layout, r.from.rate, err)
	}
	return r, nil
}

func (r *resampler) build(f *astiav.Frame, to astiav.SampleFormat, channels int) error {
	r.graph.SetThreadCount(1)
	var err error
	if r.source, err = r.graph.NewBuffersrcFilterContext(astiav.FindFilterByName("abuffer"), "in"); err != nil {
		return err
	}
	if r.sink, err = r.graph.NewBuffersinkFilterContext(astiav.FindFilterByName("abuffersink"), "out"); err != nil {
		return err
	}
	p := astiav.AllocBuffersrcFilterContextParameters()
	defer p.Free()
	p.SetSampleFormat(f.SampleFormat())
	p.SetSampleRate(f.SampleRate())
	p.SetChannelLayout(f.ChannelLayout())
	p.SetTimeBase(astiav.NewRational(1, int(soundRate)))
	if err := r.source.SetParameters(p); err != nil {
		return err
	}
	if err := r.source.Initialize(nil); err != nil {
		return err
	}
	chain := fmt.Sprintf("aresample=%d:async=1000:first_pts=0,aformat=sample_fmts=%s:channel_layouts=%dc", soundRate, to.Name(), channels)
	return connect(r.graph, r.source, r.sink, chain)
}

// resample puts in a frame that begins at pts, in ticks of soundRate, and gives each
// frame that comes out. A nil frame takes out what is left.
func (r *resampler) resample(f *astiav.Frame, pts media.Ticks, each func(f *astiav.Frame) error) error {
	if f != nil {
		f.SetPts(int64(pts - r.origin))
	}
	if err := r.source.AddFrame(f, astiav.NewBuffersrcFlags(astiav.BuffersrcFlagPush, astiav.BuffersrcFlagKeepRef)); err != nil {
		return err
	}
	return drain(r.sink, r.out, each)
}

func (r *resampler) close() {
	r.out.Free()
	r.graph.Free()
}
