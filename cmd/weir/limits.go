package main

import (
	"fmt"

	"weir/control"
)

// limit is something that the server has only so much of.
type limit struct {
	name         string
	current, max float64
}

// nearly says in words that the limit is near.
func (l limit) nearly() string {
	return fmt.Sprintf("%s: %g of %g are in use", l.name, l.current, l.max)
}

// limits are what the server can run out of, and how far it is from that.
func (s *server) limits() []limit {
	r, h, av := s.services.rtmp.Stats(), s.services.http.Stats(), s.services.av.Stats()
	streams, most := s.host.Limit()
	all := []limit{
		{"streams", float64(streams), float64(most)},
		{"rtmp.connections", float64(r.Connections), float64(r.MaxConnections)},
		{"http.connections", float64(h.Conns), float64(h.MaxConns)},
		{"transcode.cores", av.Cores, av.Budget},
	}
	if v := s.services.viewers; v != nil {
		l := v.Load()
		all = append(all, limit{"webrtc.viewers", float64(l.Sessions), float64(l.MaxSessions)},
			limit{"webrtc.joining", float64(l.HalfOpen), float64(l.MaxHalfOpen)})
	}
	return all
}

// joins says how long viewers wait.
func (s *server) joins() control.Sample {
	out := control.Sample{Name: "join_seconds", Help: "How long viewers waited from their request to the first packet.", Label: "protocol", Value: "whep", Histogram: &control.Histogram{Counts: []uint64{0}}}
	if v := s.services.viewers; v != nil {
		j := v.Load().Joins
		out.Histogram = &control.Histogram{Bounds: j.Bounds, Counts: j.Counts, Sum: j.Sum}
	}
	return out
}
