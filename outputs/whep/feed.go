package whep

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/outputs/whep/negotiate"
	"weir/pipeline/media"
)

// lineup is what there is to be watched: tracks, and a flow for each layer of each,
// sound first. It is immutable.
type lineup struct {
	tracks []*media.Track // those that WebRTC carries
	flows  []*flow
}

func (l *lineup) track(id media.TrackID) *media.Track {
	i := slices.IndexFunc(l.tracks, func(t *media.Track) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return l.tracks[i]
}

// playable are the tracks that can be sent: those without B-frames.
func (l *lineup) playable() []*media.Track {
	return slices.DeleteFunc(slices.Clone(l.tracks), func(t *media.Track) bool {
		return slices.ContainsFunc(l.flows, func(f *flow) bool { return f.track == t.ID && f.reordered() })
	})
}

func (l *lineup) flow(id media.TrackID, layer int8) *flow {
	i := slices.IndexFunc(l.flows, func(f *flow) bool { return f.track == id && f.layer == layer })
	if i < 0 {
		return nil
	}
	return l.flows[i]
}

// feed is what the stage has read, for its shards: the newest packets and the line-up
// in force. The stage's goroutine writes it.
type feed struct {
	now   atomic.Pointer[lineup] // never nil
	first *flow                  // of the last unit, which the next is likely to be of too

	mu        sync.Mutex // guards histories
	histories map[media.TrackID]*history

	ready     chan struct{} // closed once there is something to watch
	readiness sync.Once
}

func newFeed() *feed {
	f := &feed{histories: make(map[media.TrackID]*history), ready: make(chan struct{})}
	f.now.Store(&lineup{})
	return f
}

// take notes an item.
func (f *feed) take(item media.Item) {
	switch it := item.(type) {
	case *media.TrackSet:
		f.tracks(it)
	case *media.Unit:
		if it.RTP == nil {
			return // of a track that is not in the line-up
		}
		if f.first == nil || f.first.track != it.Track.ID || f.first.layer != it.Layer {
			f.first = f.now.Load().flow(it.Track.ID, it.Layer)
		}
		if f.first != nil {
			f.first.push(it)
		}
	}
}

// tracks makes the line-up of a set. A layer whose codec is the same goes on.
func (f *feed) tracks(set *media.TrackSet) {
	was, next := f.now.Load(), &lineup{}
	for _, kind := range []media.Kind{media.KindAudio, media.KindVideo} {
		for _, t := range set.Tracks {
			if t.Kind() != kind || t.Form != media.FormRTP || !negotiate.Carries(t.Codec) {
				continue
			}
			next.tracks = append(next.tracks, t)
			var flows []*flow
			for i := range max(1, len(t.Layers)) {
				fl := was.flow(t.ID, int8(i))
				if fl == nil || fl.codec != t.Codec {
					fl = newFlow(t, int8(i))
				}
				if was.track(t.ID) != t {
					fl.backward.Store(0) // its encoder may be another one
				}
				flows = append(flows, fl)
			}
			next.flows = append(next.flows, flows...)
			f.history(t.ID).flows.Store(&flows)
		}
	}
	f.first = nil
	f.now.Store(next)
	if len(next.tracks) > 0 {
		f.readiness.Do(func() { close(f.ready) })
	}
}

// history is that of a track, which there need not have been.
func (f *feed) history(id media.TrackID) *history {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.histories[id]
	if h == nil {
		h = &history{}
		f.histories[id] = h
	}
	return h
}

// pausing is how long nothing comes from a source that has paused.
const pausing = 300 * time.Millisecond

// silent says that nothing has come for a while.
func (f *feed) silent(now time.Time) bool {
	for _, fl := range f.now.Load().flows {
		n := fl.head.Load()
		if n == 0 {
			continue
		}
		if u := fl.at(n - 1); u == nil || now.Sub(u.Arrived) < pausing {
			return false
		}
	}
	return true
}

// forget says that units may be missing from here on: what is held is no place to
// start at.
func (f *feed) forget() {
	for _, fl := range f.now.Load().flows {
		fl.key.Store(0)
	}
}
