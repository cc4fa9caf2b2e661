package test

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/wire"
	"weir/transcode/worker"
)

// feed is a session that feeds an output. It implements worker.Sink.
type feed struct {
	*worker.Session
	ctx  context.Context //nolint:containedctx // that of Run, for what the session calls
	out  *pipeline.Output
	want int // tracks

	made  atomic.Pointer[media.TrackSet] // announced last
	force []*media.Track
	held  []*media.Unit // of tracks that are not in force yet
}

// mostHeld is how many units wait for the other track.
const mostHeld = 512

// Tracks implements worker.Sink. All tracks come into force at once, so that nobody
// begins without sound; after a fall they stay meanwhile.
func (f *feed) Tracks(s *media.TrackSet) {
	f.made.Store(s)
	if len(s.Tracks) < f.want {
		return
	}
	f.force = slices.SortedFunc(slices.Values(s.Tracks), func(a, b *media.Track) int { return cmp.Compare(a.Kind(), b.Kind()) })
	f.out.SetTracks(&media.TrackSet{Tracks: f.force})
	held := f.held
	f.held = nil
	for _, u := range held {
		f.Unit(u)
	}
}

// Unit implements worker.Sink.
func (f *feed) Unit(u *media.Unit) {
	switch {
	case slices.Contains(f.force, u.Track):
		_ = f.out.Send(f.ctx, u) // fails only when ctx is cancelled, which the session sees
	case len(f.held) < mostHeld:
		f.held = append(f.held, u)
	}
}

// NeedKey implements worker.Sink: nothing comes from outside.
func (f *feed) NeedKey(media.TrackID) {}

// Levels implements worker.Sink.
func (f *feed) Levels(wire.Levels) {}

// Unavailable implements worker.Sink. The session says so, and tries again.
func (f *feed) Unavailable(error) {}

// listen tells the worker what consumers want.
func (f *feed) listen(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case wish := <-f.out.Feedback():
			f.heed(wish)
		}
	}
}

func (f *feed) heed(wish media.Feedback) {
	switch w := wish.(type) {
	case media.KeyframeRequest:
		if made := f.made.Load(); made != nil {
			if i := slices.IndexFunc(made.Tracks, func(t *media.Track) bool { return t.ID == w.Track }); i >= 0 {
				f.Keyframe(uint16(i), w.Layer)
			}
		}
	case media.LayerHint:
		paused := !w.Wanted
		f.Control(wire.Control{Track: w.Track, Layer: w.Layer, Paused: &paused})
	case media.BitrateHint:
		f.Limit(f.made.Load().Track(w.Track), w.Layer, w.Bitrate)
	}
}

var _ worker.Sink = (*feed)(nil)
