package mixer

import (
	"slices"
	"time"

	"weir/pipeline/media"
	"weir/transcode/mixer/layout"
)

// cast is everybody who takes part, and who speaks.
type cast struct {
	inputs []string         // in order of `from`
	people [][]*participant // of each input
	floor  floor
}

func newCast(inputs []string) *cast {
	return &cast{inputs: inputs, people: make([][]*participant, len(inputs))}
}

// follow goes on with other tracks of an input; nil is its end.
func (c *cast) follow(input int, set *media.TrackSet) {
	if set == nil {
		set = &media.TrackSet{}
	}
	c.people[input] = gather(c.inputs[input], set, c.people[input])
}

// admitted are the participants for whom there is a place, in order.
func (c *cast) admitted() []*participant {
	all := slices.Concat(c.people...)
	return all[:min(len(all), layout.Most)]
}

// tracks are those of all participants, as the worker is told.
func (c *cast) tracks() *media.TrackSet {
	set := &media.TrackSet{}
	for _, p := range c.admitted() {
		for _, l := range p.lanes() {
			set.Tracks = append(set.Tracks, l.given)
		}
	}
	return set
}

// find is the lane that a test is true for, and whose it is.
func (c *cast) find(is func(*lane) bool) (*participant, *lane) {
	for _, p := range c.admitted() {
		if l := p.lanes(); slices.ContainsFunc(l, is) {
			return p, l[slices.IndexFunc(l, is)]
		}
	}
	return nil, nil
}

// shown are the participants who have a picture now.
func (c *cast) shown(now time.Time) []*participant {
	return slices.DeleteFunc(c.admitted(), func(p *participant) bool { return p.presence(now) == absent })
}

// remembered is the part of a participant's clipping that is left after another tenth of
// a second: of that of ten seconds ago, a third.
const remembered = 0.99

// clip takes the shares of tracks that are cut off, which come ten times a second.
func (c *cast) clip(shares map[media.TrackID]float64) {
	for _, people := range c.people {
		for _, p := range people {
			now := 0.0
			for _, l := range p.audio {
				now = max(now, shares[l.given.ID])
			}
			p.clipped = remembered*p.clipped + (1-remembered)*now
		}
	}
}

// listen hears who speaks, by given track. Those who are muted, or not seen, cannot
// have the floor. It says whether it has changed hands.
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
