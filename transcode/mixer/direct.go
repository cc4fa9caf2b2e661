package mixer

import (
	"time"

	"weir/transcode/wire"
)

// direct is the scene of now: who is shown where, what is written there, and how loud
// everybody is.
func direct(now time.Time, c *Config, who *cast, s *signs) wire.Scene {
	scene := wire.Scene{FadeMillis: c.Fade.Milliseconds(), Sounds: c.sounds(who.admitted())}
	s.begin()
	if place, ok := s.ground(c.Scenes[c.Layout]); ok {
		scene.Sprites = append(scene.Sprites, place)
	}
	for _, p := range c.arrange(who.shown(now), who.floor.who) {
		scene.Boxes = append(scene.Boxes, p.box(c.Size))
		if p.label != "" {
			if place, ok := s.over(p, p.label, false); ok {
				scene.Sprites = append(scene.Sprites, place)
			}
		}
		if p.presence(now) == stalled {
			if place, ok := s.over(p, noSignal, true); ok {
				scene.Sprites = append(scene.Sprites, place)
			}
		}
	}
	return scene
}
