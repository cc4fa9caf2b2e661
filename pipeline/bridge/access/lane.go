package access

import (
	"slices"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
)

// lane leads one track through the bridge.
type lane struct {
	in     *media.Track
	out    *media.Track // nil until the configuration is known
	layers []*layer     // nil for a track that passes untouched
}

// layer puts one layer of a track together.
type layer struct {
	index        int8
	reorder      *rtp.Reorder
	depacketizer *rtp.Depacketizer
	params       *bitstream.Params // as in the track that went out
	asked        time.Time         // for a key unit
	damaged      uint64            // pictures
}

// newLane makes a lane for a track, in either form.
func newLane(t *media.Track, wait time.Duration) (*lane, error) {
	l := &lane{in: t}
	if t.Form == media.FormAccess {
		l.out = t
		return l, nil
	}
	for i := range max(1, len(t.Layers)) {
		d, err := rtp.NewDepacketizer(t, int8(i), bitstream.Limits{})
		if err != nil {
			return nil, err
		}
		l.layers = append(l.layers, &layer{
			index: int8(i), reorder: rtp.NewReorder(rtp.DefaultReorderPackets, wait),
			depacketizer: d, params: d.Params(),
		})
	}
	l.describe()
	return l, nil
}

// describe makes the track that goes out, once a layer's configuration is known.
func (l *lane) describe() {
	i := slices.IndexFunc(l.layers, func(a *layer) bool { return a.params != nil })
	if i < 0 {
		return
	}
	first, t := l.layers[i].params, *l.in
	t.Form, t.Rate, t.Channels, t.Config = media.FormAccess, first.Rate, first.Channels, nil
	t.Layers = slices.Clone(t.Layers)
	if len(t.Layers) <= 1 {
		t.Config = first.Config
	}
	for i := range t.Layers {
		p := l.layers[i].params
		if p == nil {
			continue
		}
		a := &t.Layers[i]
		a.Config = nil
		if len(t.Layers) > 1 {
			a.Config = p.Config
		}
		if a.Width, a.Height = p.Width, p.Height; p.FPS > 0 {
			a.FPS = p.FPS
		}
	}
	l.out = &t
}
