//go:build libav && cgo

package av

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// scenery is what the server wants to be seen and heard. One goroutine changes it; any
// may look at it.
type scenery struct{ now atomic.Pointer[setting] }

// setting is a scenery at one moment. It does not change.
type setting struct {
	version  uint64 // of the scene
	elements []element
	fade     media.Ticks
	sounds   map[media.TrackID]wire.Sound
	sprites  map[uint16]wire.Sprite
}

func newScenery() *scenery {
	s := &scenery{}
	s.now.Store(&setting{})
	return s
}

func (s *scenery) scene(scene wire.Scene) {
	next := *s.now.Load()
	next.version++
	next.elements = elementsOf(scene)
	next.fade = media.Rescale(media.Ticks(scene.FadeMillis), media.MilliRate, media.VideoRate)
	next.sounds = make(map[media.TrackID]wire.Sound, len(scene.Sounds))
	for _, a := range scene.Sounds {
		next.sounds[a.Track] = a
	}
	s.now.Store(&next)
}

// sprite is false if there are too many.
func (s *scenery) sprite(p wire.Sprite) bool {
	next := *s.now.Load()
	if next.sprites = maps.Clone(next.sprites); next.sprites == nil {
		next.sprites = make(map[uint16]wire.Sprite)
	}
	if next.sprites[p.ID] = p; p.Width == 0 {
		delete(next.sprites, p.ID)
	}
	if len(next.sprites) > wire.MaxSprites {
		return false
	}
	s.now.Store(&next)
	return true
}

// gain is the factor that a track of sound has.
func (s *setting) gain(id media.TrackID) float64 {
	a, named := s.sounds[id]
	switch {
	case !named:
		return 1
	case a.Mute:
		return 0
	default:
		return a.Gain
	}
}

// name is what an element is known by from one scene to the next.
type name struct {
	track  media.TrackID // of a box; a sprite has none
	sprite uint16
	nth    int // of those of the same track or sprite
}

// element is a box or a sprite, in parts of the canvas.
type element struct {
	name
	x, y, width, height float64 // a sprite has no height of its own
	opacity, border     float64
	z                   int
	crop                bool
	edge                colour
}

// elementsOf are those of a scene, the farthest first.
func elementsOf(scene wire.Scene) []element {
	var all []element
	count := make(map[name]int)
	nth := func(n name) name {
		count[n]++
		n.nth = count[n]
		return n
	}
	for _, b := range scene.Boxes {
		rgb, _ := wire.RGB(b.BorderColor) // was checked
		all = append(all, element{
			name: nth(name{track: b.Track}), x: b.X, y: b.Y, width: b.Width, height: b.Height,
			opacity: b.Opacity, border: b.Border, z: b.Z, crop: b.Crop, edge: colourOf(rgb),
		})
	}
	for _, p := range scene.Sprites {
		all = append(all, element{name: nth(name{sprite: p.Sprite}), x: p.X, y: p.Y, width: p.Width, opacity: p.Opacity, z: p.Z})
	}
	return inOrder(all)
}

func inOrder(all []element) []element {
	slices.SortStableFunc(all, func(a, b element) int { return cmp.Compare(a.z, b.z) })
	return all
}

// between is what is seen on the way from one scene to another, from 0 to 1: what is
// in both glides, the rest fades.
func between(from, to []element, way float64) []element {
	way = way * way * (3 - 2*way)
	mix := func(a, b float64) float64 { return a + (b-a)*way }
	var all []element
	for _, e := range from {
		if !slices.ContainsFunc(to, func(o element) bool { return o.name == e.name }) {
			e.opacity *= 1 - way
			all = append(all, e)
		}
	}
	for _, e := range to {
		i := slices.IndexFunc(from, func(o element) bool { return o.name == e.name })
		if i < 0 {
			e.opacity *= way
		} else {
			was := from[i]
			e.x, e.y = mix(was.x, e.x), mix(was.y, e.y)
			e.width, e.height = mix(was.width, e.width), mix(was.height, e.height)
			e.opacity, e.border = mix(was.opacity, e.opacity), mix(was.border, e.border)
		}
		all = append(all, e)
	}
	return inOrder(all)
}
