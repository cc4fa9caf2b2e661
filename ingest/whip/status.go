package whip

import (
	"sync/atomic"

	"weir/ingest/reception"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc"
)

// Status is what the stage shows.
type Status struct {
	reception.Standing
	// Layers are the names of the video's layers, if it has more than one.
	Layers []string `json:"layers,omitempty"`
	// Streams is what became of the present publisher's packets.
	Streams []rtc.StreamStats `json:"streams,omitempty"`
}

// status keeps a Status, but for its Streams.
type status struct {
	reception.Ledger
	layers atomic.Pointer[[]string]
}

func (s *status) tracks(tracks []*media.Track) {
	codecs := make(map[media.TrackID]string, len(tracks))
	var layers []string
	for _, t := range tracks {
		codecs[t.ID] = t.Codec.String()
		if len(t.Layers) > 1 {
			for _, l := range t.Layers {
				layers = append(layers, l.Name)
			}
		}
	}
	s.layers.Store(&layers)
	s.Tracks(codecs)
}

func (s *status) snapshot() Status {
	now := Status{Standing: s.Standing()}
	if l := s.layers.Load(); l != nil {
		now.Layers = *l
	}
	return now
}
