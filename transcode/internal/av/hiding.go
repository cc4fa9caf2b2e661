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
func (v *video) hide(since media.Ticks) {
	if !v.hiding.on {
		v.hiding.on, v.hiding.since = true, since
	}
	if v.hiding.until <= since {
		v.hiding.key = false
		v.ask()
	}
}

// ask wishes a key unit of the source, twice a second at most.
func (v *video) ask() {
	if now := time.Now(); now.Sub(v.hiding.asked) >= 500*time.Millisecond {
		v.hiding.asked = now
		_ = v.out.message(wire.Keyframe{Track: v.index, Layer: v.layer}) // the error is kept
	}
}

// missed makes up for pictures that should have come out before the one at pts, since
// they come in order. A decoder need not say that it has left one out.
func (v *video) missed(pts media.Ticks) error {
	before, first := v.decoded, !v.decoding
	v.decoded, v.decoding = pts, true
	if first || v.last == nil {
		return nil
	}
	for _, s := range v.ledger.between(before, pts) {
		if !s.flags.Has(media.Droppable) && !hidesPictures(v.source.Codec) {
			v.damage.count(errDamaged)
			v.hide(s.pts)
		}
		if err := v.repeat(s); err != nil {
			return err
		}
	}
	return nil
}

// keep makes f the last good picture.
func (v *video) keep(f *astiav.Frame) error {
	ref, err := clone(f)
	if err != nil {
		return err
	}
	if v.last != nil {
		v.last.Free()
	}
	v.last = ref
	return nil
}

// repeat shows the last good picture at the time of another.
func (v *video) repeat(s stamp) error {
	if v.last == nil || s.flags.Has(wire.Preroll) {
		return nil
	}
	again, err := clone(v.last)
	if err != nil {
		return err
	}
	defer again.Free()
	again.SetPts(int64(s.pts))
	return v.whole(again, s)
}
