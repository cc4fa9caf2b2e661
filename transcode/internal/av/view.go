//go:build libav && cgo

package av

import (
	"sync"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// view is a track of pictures on its way into a mix: a lane decodes it, and the canvas
// takes what is to be seen.
type view struct {
	*pictures
	id     media.TrackID
	clock  *clock
	period media.Ticks // of the canvas
	cutter cutter      // the lane's own
	before media.Ticks // when the picture before was
	hdr    bool        // it was said that none is shown

	mu      sync.Mutex // guards what is below
	waiting []shot
	wanted  cut // in which it is shown, if that is likely to stay
	left    bool

	now shot // the canvas's own
}

// newView makes a view for a canvas of that period, whose pictures have numbers from
// first on.
func newView(out *outlet, index uint16, id media.TrackID, c *clock, period media.Ticks, first uint64) *view {
	v := &view{id: id, clock: c, period: period, now: shot{number: first}}
	v.pictures = newPictures(out, index, v.take)
	return v
}

func (v *view) unit(u *media.Unit) error {
	defer v.clock.settle(v.id)
	return v.pictures.unit(u)
}

// take keeps a picture for its time.
func (v *view) take(f *astiav.Frame, s stamp) error {
	shot, err := v.shoot(f, s)
	if err != nil {
		return err
	}
	at := media.VideoRate.Duration(s.pts)
	if !v.keep(shot, at) {
		shot.free()
		return nil
	}
	v.clock.hold(media.KindVideo, at)
	return nil
}

// refuse says that pictures are not shown, once.
func (v *view) refuse(err error) {
	if !v.hdr {
		v.hdr = true
		v.out.warn("an input of the mix is not shown", "track", string(v.id), "error", err.Error())
	}
}

// shoot scales a picture while it is in the processor's cache, if it is known for what,
// and unless the input is faster than the canvas, which would not show all.
func (v *view) shoot(f *astiav.Frame, s stamp) (made shot, err error) {
	fast := s.pts-v.before < v.period*3/4
	v.before = s.pts
	v.mu.Lock()
	made.stamp, made.cut = s, v.wanted
	v.mu.Unlock()
	if err := refuseHDR(f); err != nil {
		v.refuse(err)
		return made, nil
	}
	if made.frame, err = clone(f); err != nil || fast || made.cut == (cut{}) {
		return made, err
	}
	if made.ready, err = v.cutter.of(f, made.cut); err != nil {
		made.free()
	}
	return made, err
}

// want says in which cut pictures are likely to be shown, or with the zero cut that none
// are. It is for the canvas.
func (v *view) want(c cut) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wanted = c
}

// keep is false if a picture's time cannot be. The canvas, which the clock may let go on
// at once, finds the picture there.
func (v *view) keep(s shot, at time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.clock.reach(v.id, at+early) {
		return false
	}
	v.waiting = append(v.waiting, s)
	return true
}

// at is what is to be seen at a time, with the stamp of a picture that is new; or
// what was seen before. It is for the canvas.
func (v *view) at(pts media.Ticks) (s shot, fresh stamp) {
	v.mu.Lock()
	n := 0
	for n < len(v.waiting) && v.waiting[n].stamp.pts <= pts+media.VideoRate.Ticks(early) {
		n++
	}
	due := v.waiting[:n:n]
	v.waiting = v.waiting[n:]
	v.mu.Unlock()
	for _, next := range due {
		next.number = v.now.number + 1
		v.now.free()
		v.now, fresh = next, next.stamp
	}
	return v.now, fresh
}

// follow takes over what one that was of the same track has not shown yet.
func (v *view) follow(before *view) {
	before.mu.Lock()
	defer before.mu.Unlock()
	v.waiting, before.waiting = before.waiting, nil
}

// leave says that nothing more comes.
func (v *view) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.left = true
}

// over says whether all has been shown, and nothing more comes.
func (v *view) over() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.left && len(v.waiting) == 0
}

func (v *view) keyframe(int8) {}

func (v *view) control(wire.Control) {}

func (v *view) end(flush bool) error {
	var err error
	if flush {
		err = v.flush()
	}
	v.cutter.close()
	v.close()
	return err
}

// free is the end of what the canvas has of it.
func (v *view) free() {
	v.at(1 << 62)
	v.now.free()
}
