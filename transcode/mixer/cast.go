package mixer

import (
	"slices"
	"time"

	"weir/pipeline/media"
	"weir/transcode/mixer/layout"
)

// cast is everybody who takes part, in the order of coming, and who speaks.
type cast struct {
	people  []*participant
	floor   floor
	turned  uint64 // participants for whom there was no place
	crowded bool
}

// follow goes on with other tracks of an input; none is the input's end.
func (c *cast) follow(input string, set *media.TrackSet) {
	var before []*participant
	rest := slices.DeleteFunc(slices.Clone(c.people), func(p *participant) bool {
		if p.input != input {
			return false
		}
		before = append(before, p)
		return true
	})
	now := gather(input, set, before)
	var people []*participant
	for _, p := range c.people { // who was there keeps his place
		if slices.Contains(rest, p) {
			people = append(people, p)
		} else if i := slices.IndexFunc(now, func(n *participant) bool { return n.name == p.name }); i >= 0 {
			people = append(people, now[i])
			now = slices.Delete(now, i, i+1)
		}
	}
	for _, p := range now {
		if len(people) == layout.Most {
			c.turned++
			continue
		}
		people = append(people, p)
	}
	c.people = people
}

// tracks are those of all participants, as the worker is told.
func (c *cast) tracks() *media.TrackSet {
	set := &media.TrackSet{}
	for _, p := range c.people {
		for _, l := range p.lanes() {
			set.Tracks = append(set.Tracks, l.given)
		}
	}
	return set
}

// lane finds who an input's track belongs to.
func (c *cast) lane(input string, t *media.Track) (*participant, *lane) {
	for _, p := range c.people {
		if p.input != input {
			continue
		}
		for _, l := range p.lanes() {
			if l.in == t {
				return p, l
			}
		}
	}
	return nil, nil
}

// given finds the lane of a track that the worker was told of.
func (c *cast) given(id media.TrackID) (*participant, *lane) {
	for _, p := range c.people {
		for _, l := range p.lanes() {
			if l.given.ID == id {
				return p, l
			}
		}
	}
	return nil, nil
}

// shown are the participants who have a picture now.
func (c *cast) shown(now time.Time) (all []*participant) {
	for _, p := range c.people {
		if p.presence(now) != absent {
			all = append(all, p)
		}
	}
	return all
}

// listen hears who speaks. Those who are muted, or not seen, cannot have the floor. It
// says whether it has changed hands.
func (c *cast) listen(now time.Time, levels map[media.TrackID]float64, muted func(*participant) bool) bool {
	voices := make(map[string]float64)
	for _, p := range c.shown(now) {
		voice := silence
		for _, l := range p.audio {
			if level, ok := levels[l.given.ID]; ok && !muted(p) {
				voice = max(voice, level)
			}
		}
		voices[p.name] = voice
	}
	return c.floor.hear(now, voices)
}
