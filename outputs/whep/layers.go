package whep

import (
	"time"

	"weir/pipeline/media"
)

// layerKey names a layer of a track.
type layerKey struct {
	track media.TrackID
	layer int8
}

// use is when a layer was last of use to anybody, and what the source was told.
type use struct {
	last   time.Time
	wanted bool
}

// unusedFor is how long a layer must have been of no use before its source is told.
const unusedFor = 10 * time.Second

// uses notes which layers are sent or wanted by a shard, and tells the source of
// those that nobody has watched for a while, and of those that somebody does again.
func (h *house) uses(lanes []*lane, waiting, trailing []*leg, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range lanes {
		if len(l.legs) > 0 {
			h.use(layerKey{l.flow.track, l.flow.layer}, now)
		}
	}
	for _, legs := range [][]*leg{waiting, trailing} {
		for _, g := range legs {
			h.use(layerKey{g.track, g.target}, now)
			if g.lane != nil {
				h.use(layerKey{g.track, g.lane.flow.layer}, now)
			}
		}
	}
	for _, t := range h.feed.now.Load().tracks {
		for i := range t.Layers {
			h.tell(layerKey{t.ID, int8(i)}, len(t.Layers), now)
		}
	}
}

// use notes that a layer is watched. The caller holds h.mu.
func (h *house) use(k layerKey, now time.Time) {
	u := h.layers[k]
	if u == nil {
		u = &use{wanted: true}
		h.layers[k] = u
	}
	u.last = now
	if !u.wanted {
		u.wanted = true
		h.in.Ask(media.LayerHint{Track: k.track, Layer: k.layer, Wanted: true})
	}
}

// tell says that a layer of several is of no use any more. The caller holds h.mu.
func (h *house) tell(k layerKey, of int, now time.Time) {
	u := h.layers[k]
	if u == nil {
		h.layers[k] = &use{last: now, wanted: true}
		return
	}
	if of > 1 && u.wanted && now.Sub(u.last) > unusedFor {
		u.wanted = false
		h.in.Ask(media.LayerHint{Track: k.track, Layer: k.layer, Wanted: false})
	}
}

// paused says that the source was told that nobody wants a layer.
func (h *house) paused(k layerKey) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.layers[k]
	return u != nil && !u.wanted
}
