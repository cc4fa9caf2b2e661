package switcher

import (
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
)

const (
	// silence is how long an input may send nothing and still be on.
	silence = 2 * time.Second
	// steady is how long an input must have been on to come back in order.
	steady = time.Second
)

// input is one source and what is known of it.
type input struct {
	port *pipeline.Input
	rank int // place in `from`
	set  *media.TrackSet

	heard time.Time // arrival of the newest unit
	since time.Time // when it began to be on without a break
	fresh bool      // it began after the one on air did

	shift  time.Duration // what is added to its times while it is on air
	marked []*media.Track
}

// on says whether the input sends.
func (in *input) on(now time.Time) bool {
	return !in.heard.IsZero() && now.Sub(in.heard) < silence
}

// hear notes a unit that arrives now.
func (in *input) hear(u *media.Unit, now time.Time) {
	if !in.on(now) {
		in.since, in.fresh = now, true
	}
	if u.Flags.Has(media.Discontinuity) && u.Kind() == media.KindVideo {
		in.fresh = true
	}
	in.heard = now
}

// entry says whether the input can go on air with u: at a key picture, or anywhere if
// it has none.
func (in *input) entry(u *media.Unit) bool {
	return in.set != nil && in.set.Track(u.Track.ID) == u.Track &&
		(!in.set.HasVideo() || (u.Kind() == media.KindVideo && u.Flags.Has(media.Key)))
}
