//go:build libav && cgo

package av

import (
	"errors"
	"runtime"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// pictures decodes one track and gives whole pictures in the order of their times: each
// that the source has, or the last good one in its place.
type pictures struct {
	out   *outlet
	index uint16 // of the source's track
	give  func(f *astiav.Frame, s stamp) error

	source  *media.Track
	layer   int8 // of the source
	decoder *decoder
	weaver  *deinterlacer // once a picture was interlaced
	ledger  ledger

	progress
	hiding hiding
	damage damage
}

// progress is how far a track of pictures has come.
type progress struct {
	last     *astiav.Frame // the last good picture
	decoded  media.Ticks   // of the last picture that the decoder gave, once there was one
	decoding bool
	shown    media.Ticks // of the last picture that was given
	begun    bool
	gap      media.Flags // of the next picture
}

// newPictures decodes track number index of the server's. What it gives is only lent.
func newPictures(out *outlet, index uint16, give func(*astiav.Frame, stamp) error) *pictures {
	return &pictures{
		out: out, index: index, give: give,
		damage: damage{out: out, kind: "pictures"}, hiding: hiding{on: true},
	}
}

func (p *pictures) track(t *media.Track) error {
	layer := largest(t)
	if p.decoder != nil && sameSource(p.source, t) && string(p.source.LayerConfig(p.layer)) == string(t.LayerConfig(layer)) {
		p.source, p.layer = t, layer
		return nil
	}
	if p.decoder != nil {
		if err := p.decode(nil); err != nil && !errors.Is(err, errDamaged) {
			return err
		}
		if err := p.endWeaver(); err != nil {
			return err
		}
		p.decoder.close()
		p.decoder = nil
	}
	p.source, p.layer = t, layer
	p.hide(p.shown)
	var err error
	if p.decoder, err = newDecoder(t, layer, decoderThreads(t.Layers[layer])); errors.Is(err, errDamaged) {
		p.damage.count(err)
		return nil
	}
	return err
}

// decoderThreads is how many threads decode a layer. Each beyond the first delays by a
// picture.
func decoderThreads(l media.Layer) int {
	const ease = 1920 * 1080 * 100 // pixels a second
	return min(4, runtime.NumCPU(), 1+int(float64(l.Width*l.Height)*max(30, l.FPS)/ease))
}

// largest is the layer of a source that all is made of.
func largest(t *media.Track) int8 {
	best := 0
	for i, l := range t.Layers {
		if l.Width*l.Height > t.Layers[best].Width*t.Layers[best].Height {
			best = i
		}
	}
	return int8(best)
}

func (p *pictures) unit(u *media.Unit) error {
	if p.decoder == nil || u.Layer != p.layer {
		return nil
	}
	p.gap |= u.Flags & media.Discontinuity
	if u.Flags.Has(media.Gap) && !u.Flags.Has(media.Key) {
		p.hide(u.PTS)
	}
	if u.Flags.Has(media.Key) {
		p.hiding.until, p.hiding.key = u.PTS, true
	} else if p.hiding.on && !p.hiding.key {
		p.ask()
		if p.last == nil {
			return nil // nothing can be decoded yet
		}
	}
	p.ledger.enter(stampOf(u))
	err := p.decode(u)
	if errors.Is(err, errDamaged) {
		p.damage.count(err)
		p.hide(u.PTS)
		return p.repeat(stampOf(u))
	}
	return err
}

func (p *pictures) decode(u *media.Unit) error {
	return p.decoder.decode(u, func(f *astiav.Frame, clean bool) error {
		p.out.framesIn.Add(1)
		s := p.ledger.exact(media.Ticks(f.Pts()))
		if err := p.missed(s.pts); err != nil {
			return err
		}
		if !clean && !p.hiding.on {
			p.damage.count(errDamaged)
			p.hide(s.pts)
		}
		if p.hiding.on && clean && p.hiding.key && s.pts >= p.hiding.until ||
			p.last != nil && s.pts-p.hiding.since > patience {
			p.hiding.on = false
		}
		if p.hiding.on {
			return p.repeat(s)
		}
		if err := p.keep(f); err != nil || s.flags.Has(wire.Preroll) {
			return err
		}
		return p.whole(f, s)
	})
}

// whole shows a good picture, deinterlaced if it has to be.
func (p *pictures) whole(f *astiav.Frame, s stamp) error {
	if p.weaver != nil && shapeOf(f) != p.weaver.from {
		if err := p.endWeaver(); err != nil {
			return err
		}
	}
	if p.weaver == nil {
		if !f.Flags().Has(astiav.FrameFlagInterlaced) {
			return p.show(f, s)
		}
		var err error
		if p.weaver, err = newDeinterlacer(f); err != nil {
			return err
		}
	}
	return p.weaver.put(f, p.woven)
}

func (p *pictures) woven(f *astiav.Frame) error {
	return p.show(f, p.ledger.exact(media.Ticks(f.Pts())))
}

// endWeaver shows what is left in the deinterlacer and closes it.
func (p *pictures) endWeaver() error {
	if p.weaver == nil {
		return nil
	}
	err := p.weaver.put(nil, p.woven)
	p.weaver.close()
	p.weaver = nil
	return err
}

// show gives a picture, unless it is not later than the one before.
func (p *pictures) show(f *astiav.Frame, s stamp) error {
	if p.begun && s.pts <= p.shown {
		return nil
	}
	s.flags = s.flags&media.Key | p.gap
	p.gap = 0
	p.shown, p.begun = s.pts, true
	return p.give(f, s)
}

// flush gives what is left. Only close may follow.
func (p *pictures) flush() error {
	if p.decoder == nil {
		return nil
	}
	err := p.decode(nil)
	if errors.Is(err, errDamaged) {
		err = nil
	}
	return errors.Join(err, p.endWeaver())
}

func (p *pictures) close() {
	if p.weaver != nil {
		p.weaver.close()
	}
	if p.decoder != nil {
		p.decoder.close()
	}
	if p.last != nil {
		p.last.Free()
	}
}
