package worker

import (
	"slices"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// The most that is remembered.
const (
	pastUnits = 16 << 10
	pastBytes = 48 << 20
)

// past is what workers were given since the newest key unit of each video track: what
// the next one must have seen to go on. Of jobs without video nothing is remembered, as
// sound needs nothing before it.
type past struct {
	tracks *media.TrackSet // given last; nil before that
	units  []item
	size   int
	based  map[*media.Track]bool // video all of which is there since a key unit
}

// remember notes something that a worker is given.
func (p *past) remember(it item) {
	switch m := it.message.(type) {
	case wire.Tracks:
		p.follow(m.TrackSet)
	case wire.Unit:
		p.add(it)
	default:
	}
}

// follow goes on with other tracks: those that stay are as they were.
func (p *past) follow(s *media.TrackSet) {
	p.tracks = s
	for t := range p.based {
		if !slices.Contains(s.Tracks, t) {
			delete(p.based, t)
		}
	}
	p.keep(func(t *media.Track) bool { return slices.Contains(s.Tracks, t) })
}

func (p *past) add(it item) {
	t, video := it.unit.Track, it.unit.Kind() == media.KindVideo
	if video && it.unit.Flags.Has(media.Key) {
		p.drop(t)
		if p.based == nil {
			p.based = make(map[*media.Track]bool)
		}
		p.based[t] = true
	}
	if len(p.based) == 0 || video && !p.based[t] {
		return
	}
	p.units = append(p.units, it)
	p.size += it.unit.Size()
	for len(p.units) > pastUnits || p.size > pastBytes {
		p.drop(p.units[0].unit.Track) // a picture, the oldest key unit
	}
}

// drop forgets a video track.
func (p *past) drop(t *media.Track) {
	delete(p.based, t)
	p.keep(func(o *media.Track) bool { return o != t })
}

// keep leaves units of some tracks, and no sound before the first picture.
func (p *past) keep(of func(*media.Track) bool) {
	kept := p.units[:0]
	p.size = 0
	for _, it := range p.units {
		if u := it.unit; of(u.Track) && (len(kept) > 0 || u.Kind() == media.KindVideo) {
			kept = append(kept, it)
			p.size += u.Size()
		}
	}
	clear(p.units[len(kept):])
	p.units = kept
}

// all is what the next worker is given before anything else.
func (p *past) all() []item {
	return append([]item{{message: wire.Tracks{TrackSet: p.tracks}}}, p.units...)
}

// forget says that what was remembered is not all any more, or is given again.
func (p *past) forget() { *p = past{tracks: p.tracks} }
