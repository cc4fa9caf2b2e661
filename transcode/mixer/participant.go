package mixer

import (
	"slices"
	"time"

	"weir/pipeline/media"
)

// How long pictures may be missing.
const (
	// stalls is when a picture stands for so long that the viewer must be told.
	stalls = 2 * time.Second
	// leaves is when a participant without pictures makes room for the others.
	leaves = 10 * time.Second
)

// lane leads one track of an input to the worker.
type lane struct {
	in    *media.Track
	layer int8         // the one that is shown
	given *media.Track // what the worker is told of it
}

// participant is a track group of an input: at most one picture, and any number of
// sounds.
type participant struct {
	name, input, group string
	video              *lane // nil if it is only heard
	audio              []*lane
	seen               time.Time // its newest picture; zero before the first
	clipped            float64   // the share of its sound that is cut off, lately
}

// presence is how a participant takes part.
type presence uint8

const (
	absent  presence = iota // has no box
	stalled                 // has one, and a picture that stands
	present
)

// presence is that of now.
func (p *participant) presence(now time.Time) presence {
	switch since := now.Sub(p.seen); {
	case p.video == nil || p.seen.IsZero() || since >= leaves:
		return absent
	case since >= stalls:
		return stalled
	default:
		return present
	}
}

// mostSounds is how many audio tracks of a participant are mixed.
const mostSounds = 3

// gather makes participants of an input's tracks. Those that go on are the same as
// before, and so are lanes whose track did not change. A group's second picture is a
// participant of its own.
func gather(input string, set *media.TrackSet, before []*participant) []*participant {
	var all []*participant
	var had []*lane
	for _, p := range before {
		had = append(had, p.lanes()...)
	}
	find := func(name string) *participant {
		i := slices.IndexFunc(all, func(p *participant) bool { return p.name == name })
		if i < 0 {
			return nil
		}
		return all[i]
	}
	add := func(name, group string) *participant {
		p := &participant{name: name, input: input, group: group}
		if i := slices.IndexFunc(before, func(o *participant) bool { return o.name == name }); i >= 0 {
			p.seen = before[i].seen
		}
		all = append(all, p)
		return p
	}
	for _, t := range set.Tracks {
		if t.Form != media.FormAccess {
			continue
		}
		name := input
		if t.Group != "" {
			name += "/" + t.Group
		}
		p := find(name)
		if p == nil {
			p = add(name, t.Group)
		}
		l := newLane(input, name, t)
		if i := slices.IndexFunc(had, func(o *lane) bool { return o.in == t }); i >= 0 {
			l = had[i]
		}
		switch {
		case t.Kind() == media.KindAudio:
			if len(p.audio) < mostSounds {
				p.audio = append(p.audio, l)
			}
		case p.video == nil:
			p.video = l
		default:
			add(name+"/"+string(t.ID), t.Group).video = l
		}
	}
	return all
}

// newLane leads the best layer of a track.
func newLane(input, name string, t *media.Track) *lane {
	given := *t
	given.ID, given.Group = media.TrackID(input)+"/"+t.ID, name
	best := 0
	for i, l := range t.Layers {
		if b := t.Layers[best]; l.Height > b.Height || l.Height == b.Height && l.Bitrate > b.Bitrate {
			best = i
		}
	}
	if len(t.Layers) > 0 {
		given.Config = t.LayerConfig(int8(best))
		given.Layers = slices.Clone(t.Layers[best : best+1])
		given.Layers[0].Config = nil
	}
	return &lane{in: t, layer: int8(best), given: &given}
}

// lanes are all of a participant's.
func (p *participant) lanes() []*lane {
	if p.video == nil {
		return p.audio
	}
	return append([]*lane{p.video}, p.audio...)
}
