package pipeline

import (
	"sync/atomic"
	"time"

	"weir/pipeline/media"
)

// rhythm measures the time between the key pictures of an output, those of the layer
// that it saw first. Only every is for others than the sender.
type rhythm struct {
	layer layerKey
	last  time.Duration
	begun bool
	every atomic.Int64 // time.Duration
}

// note takes a key unit. The packets of one picture, and those after a leap of the
// timeline, do not count.
func (r *rhythm) note(u *media.Unit) {
	k, at := layerKey{u.Track.ID, u.Layer}, u.Track.Rate.Duration(u.DTS)
	switch {
	case !r.begun:
		r.begun, r.layer, r.last = true, k, at
	case k == r.layer && at != r.last:
		if every := at - r.last; every > 0 && !u.Flags.Has(media.Discontinuity) {
			r.every.Store(int64(every))
		}
		r.last = at
	}
}
