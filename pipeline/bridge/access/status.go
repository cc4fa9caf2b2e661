package access

import (
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
)

// Status is what the bridge shows.
type Status struct {
	// LeftOut names the tracks that cannot be put together, and why.
	LeftOut []string `json:"left_out,omitempty"`
	// Layers are in the order of tracks and layers.
	Layers []LayerStatus `json:"layers"`
}

// LayerStatus counts what happened to one layer of a track.
type LayerStatus struct {
	Track media.TrackID `json:"track"`
	Layer int8          `json:"layer"`
	// Lost packets were waited for in vain, Late ones came after that, or twice, and
	// Moved ones waited for another that was late.
	Lost  uint64 `json:"lost"`
	Late  uint64 `json:"late"`
	Moved uint64 `json:"moved"`
	// Damaged pictures could not be put together.
	Damaged uint64 `json:"damaged"`
}

// report makes what Describe shows.
func (s *stage) report(now time.Time) {
	status := &Status{LeftOut: s.leftOut, Layers: []LayerStatus{}}
	for _, l := range s.lanes {
		for _, a := range l.layers {
			c := a.reorder.Stats()
			status.Layers = append(status.Layers, LayerStatus{
				Track: l.in.ID, Layer: a.index, Lost: c.Lost, Late: c.Late, Moved: c.Moved, Damaged: a.damaged,
			})
		}
	}
	s.reported = now
	s.status.Store(status)
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any { return s.status.Load() }

var (
	_ pipeline.Stage     = (*stage)(nil)
	_ pipeline.Describer = (*stage)(nil)
)
