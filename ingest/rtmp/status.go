package rtmp

import (
	"sync/atomic"

	"weir/ingest/reception"
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// Status is what the stage shows.
type Status struct {
	reception.Standing
	// Secure says whether the publisher came by RTMPS; the last one while waiting.
	Secure bool `json:"secure"`
}

// status keeps a Status.
type status struct {
	reception.Ledger
	secure atomic.Bool
}

func (s *status) publishing(r rtmpd.Request) {
	s.secure.Store(r.Secure)
	s.Publishing(r.Remote.String(), r.Encoder)
}

// tracks notes what comes, by the names of RFC 6381.
func (s *status) tracks(tracks []*media.Track) {
	codecs := make(map[media.TrackID]string, len(tracks))
	for _, t := range tracks {
		name, err := bitstream.CodecString(t, 0)
		if err != nil {
			name = t.Codec.String()
		}
		codecs[t.ID] = name
	}
	s.Tracks(codecs)
}

func (s *status) snapshot() Status { return Status{s.Standing(), s.secure.Load()} }
