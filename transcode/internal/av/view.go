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
	id    media.TrackID
	clock *clock

	mu      sync.Mutex // guards what is below
	waiting []picture
	left    bool

	now shot // the canvas's own
}

// newView makes a view whose pictures have numbers from first on.
func newView(out *outlet, index uint16, id media.TrackID, c *clock, first uint64) *view {
	v := &view{id: id, clock: c, now: shot{number: first}}
	v.pictures = newPictures(out, index, v.take)
	return v
}

func (v *view) unit(u *media.Unit) error {
	defer v.clock.settle(v.id)
	return v.pictures.unit(u)
}

// take keeps a picture for its time.
func (v *view) take(f *astiav.Frame, s stamp) error {
	ref, err := clone(f)
	if err != nil {
		return err
	}
	at := media.VideoRate.Duration(s.pts)
	if !v.keep(picture{frame: ref, stamp: s}, at) {
		ref.Free()
		return nil
	}
	v.clock.hold(media.KindVideo, at)
	return nil
}

// keep is false if a picture's time cannot be. The canvas, which the clock may let go on
// at once, finds the picture there.
func (v *view) keep(p picture, at time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.clock.reach(v.id, at+early) {
		return false
	}
	v.waiting = append(v.waiting, p)
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
	for _, p := range due {
		v.forget()
		v.now = shot{frame: p.frame, number: v.now.number + 1}
		fresh = p.stamp
	}
	return v.now, fresh
}

func (v *view) forget() {
	if v.now.frame != nil {
		v.now.frame.Free()
		v.now.frame = nil
	}
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
	v.close()
	return err
}

// free is the end of what the canvas has of it.
func (v *view) free() {
	v.at(1 << 62)
	v.forget()
}
