//go:build libav && cgo

package av

import (
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// hiding is the time in which the last good picture is shown in place of what comes.
type hiding struct {
	on    bool
	since media.Ticks
	until media.Ticks // of a key unit that went in: pictures from there on are good
	key   bool        // until counts
	asked time.Time
}

// patience is how long a key unit is waited for before damaged pictures are shown.
const patience = 10 * media.Ticks(media.VideoRate)

// hide shows the last good picture from that time on until there is a key unit.
func (p *pictures) hide(since media.Ticks) {
	if !p.hiding.on {
		p.hiding.on, p.hiding.since = true, since
	}
	if p.hiding.until <= since {
		p.hiding.key = false
		p.ask()
	}
}

// ask wishes a key unit of the source, twice a second at most.
func (p *pictures) ask() {
	if now := time.Now(); now.Sub(p.hiding.asked) >= 500*time.Millisecond {
		p.hiding.asked = now
		_ = p.out.message(wire.Keyframe{Track: p.index, Layer: p.layer}) // the error is kept
	}
}

// missed makes up for pictures that should have come out before the one at pts, since
// they come in order. A decoder need not say that it has left one out.
func (p *pictures) missed(pts media.Ticks) error {
	before, first := p.decoded, !p.decoding
	p.decoded, p.decoding = pts, true
	if first || p.last == nil {
		return nil
	}
	for _, s := range p.ledger.between(before, pts) {
		if !s.flags.Has(media.Droppable) && !hidesPictures(p.source.Codec) {
			p.damage.count(errDamaged)
			p.hide(s.pts)
		}
		if err := p.repeat(s); err != nil {
			return err
		}
	}
	return nil
}

// keep makes f the last good picture.
func (p *pictures) keep(f *astiav.Frame) error {
	ref, err := clone(f)
	if err != nil {
		return err
	}
	if p.last != nil {
		p.last.Free()
	}
	p.last = ref
	return nil
}

// repeat shows the last good picture at the time of another.
func (p *pictures) repeat(s stamp) error {
	if p.last == nil || s.flags.Has(wire.Preroll) {
		return nil
	}
	again, err := clone(p.last)
	if err != nil {
		return err
	}
	defer again.Free()
	again.SetPts(int64(s.pts))
	return p.whole(again, s)
}
