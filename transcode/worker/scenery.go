package worker

import (
	"maps"
	"slices"

	"weir/transcode/wire"
)

// scenery is what a session's worker shows beside what it is given, for the next one.
type scenery struct {
	scene   *wire.Scene
	sprites map[uint16]wire.Sprite
}

// keep notes a sprite. It is false if there are too many.
func (s *scenery) keep(p wire.Sprite) bool {
	if p.Width == 0 {
		delete(s.sprites, p.ID)
		return true
	}
	if _, known := s.sprites[p.ID]; !known && len(s.sprites) >= wire.MaxSprites {
		return false
	}
	if s.sprites == nil {
		s.sprites = make(map[uint16]wire.Sprite)
	}
	s.sprites[p.ID] = p
	return true
}

// messages are what the next worker is told. It shows the scene at once.
func (s *scenery) messages() (ms []wire.Message) {
	for _, id := range slices.Sorted(maps.Keys(s.sprites)) {
		ms = append(ms, s.sprites[id])
	}
	if s.scene != nil {
		scene := *s.scene
		scene.FadeMillis = 0
		ms = append(ms, scene)
	}
	return ms
}
