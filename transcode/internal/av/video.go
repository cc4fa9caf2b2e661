//go:build libav && cgo

package av

import (
	"errors"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// video makes one track of pictures, of one layer or several, out of another.
type video struct {
	pictures *pictures
	overlay  overlay
	ladder   *ladder
	lag      lag
}

func newVideo(job wire.Job, out *outlet, index uint16, s *scenery) *video {
	v := &video{overlay: overlay{scenery: s}, ladder: newLadder(job, out)}
	v.pictures = newPictures(out, index, v.show)
	return v
}

func (v *video) show(f *astiav.Frame, s stamp) error {
	f, err := v.overlay.over(f, s)
	if err != nil {
		return err
	}
	return v.ladder.show(f, s, v.lag.of(s.arrived, time.Now()), v.pictures.source)
}

func (v *video) track(t *media.Track) error { return v.pictures.track(t) }

func (v *video) unit(u *media.Unit) error { return v.pictures.unit(u) }

func (v *video) keyframe(layer int8) { v.ladder.keyframe(layer) }

func (v *video) control(c wire.Control) { v.ladder.control(c) }

func (v *video) end(flush bool) error {
	var err error
	if flush {
		err = v.pictures.flush()
	}
	err = errors.Join(err, v.ladder.end())
	v.pictures.close()
	v.overlay.free()
	return err
}
