package hls

import (
	"time"

	"weir/pipeline"
)

// Description is what the API shows of a running stage.
type Description struct {
	Viewers int `json:"viewers"`
	// Variant is low_latency, fmp4 or mpegts.
	Variant string `json:"variant"`
	// TargetDuration and PartTarget are in seconds; 0 until they are known.
	TargetDuration int           `json:"target_duration"`
	PartTarget     float64       `json:"part_target,omitempty"`
	Renditions     []Described   `json:"renditions"`
	Window         time.Duration `json:"window_ns"`
}

// Described is one rendition.
type Described struct {
	Name string `json:"name"`
	// First and Last are media sequence numbers.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Bandwidth and Average are in bit/s, over the segments of the playlist.
	Bandwidth int64   `json:"bandwidth"`
	Average   int64   `json:"average"`
	FPS       float64 `json:"units_per_second"`
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	d := Description{Variant: s.cfg.Container, Renditions: []Described{}}
	if s.cfg.lowLatency() {
		d.Variant = "low_latency"
	}
	if s.archive != nil {
		d.Window = s.cfg.Window
	}
	st := s.store.Load()
	if st == nil {
		return d
	}
	d.Viewers = st.seen.count(time.Now())
	if sh := st.shape(); sh != nil {
		d.TargetDuration = sh.target
		if sh.parts {
			d.PartTarget = sh.part.Seconds()
		}
	}
	for _, r := range st.shelf.Load().renditions {
		segs := r.load().listed()
		if len(segs) == 0 {
			continue
		}
		m := r.measure()
		d.Renditions = append(d.Renditions, Described{
			Name: r.names.rendition, First: segs[0].msn, Last: segs[len(segs)-1].msn,
			Bandwidth: m.peak, Average: m.average, FPS: m.fps,
		})
	}
	return d
}

var _ pipeline.Describer = (*stage)(nil)
