package worker

import (
	"weir/pipeline/media"
	"weir/transcode/wire"
)

// What consumers can do to the bitrate of a layer.
const (
	// leastPart is what part of its bitrate a layer keeps, however little one of its
	// consumers can take: it has others.
	leastPart = 4
	// step is the least change, in parts of the present bitrate.
	step = 10
)

// Limit says how much of a layer of made, a track that the sink was given, its
// consumers can take, in bit/s; 0 is all. The encoder follows without a key unit, down
// to a quarter of the layer's bitrate and not at every small change.
func (s *Session) Limit(made *media.Track, layer int8, bitrate int64) {
	if made == nil || int(layer) >= len(made.Layers) {
		return
	}
	s.mu.Lock()
	now := s.controls[layerKey{made.ID, layer}].Bitrate
	s.mu.Unlock()
	if next := limited(made.Layers[layer].Bitrate, now, bitrate); next != 0 {
		s.Control(wire.Control{Track: made.ID, Layer: layer, Bitrate: next})
	}
}

// limited is the next bitrate of a layer of that bitrate, which has now, or 0 to leave
// it. A now of 0 is the layer's own.
func limited(full, now, limit int64) int64 {
	if now == 0 {
		now = full
	}
	next := full
	if limit > 0 {
		next = min(full, max(limit, full/leastPart))
	}
	if change := max(next-now, now-next); change == 0 || next != full && change < now/step {
		return 0
	}
	return next
}
