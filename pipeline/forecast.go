package pipeline

import (
	"time"

	"weir/pipeline/media"
)

// Forecast is what a configuration says about the pictures that a stage will send. What
// it does not say is zero.
type Forecast struct {
	Codec  media.Codec
	Layers []media.Layer
	// Keyframes is the time from one to the next.
	Keyframes time.Duration
}

// Forecaster is a configuration of a stage with one output that knows what that will
// carry.
type Forecaster interface {
	Forecast() Forecast
}

// Reviewer is a configuration of a stage that knows what it should be given. Review
// returns notes, one for each thing that is not so.
type Reviewer interface {
	Review(f Forecast) []Note
}

// Examiner is a configuration of a stage that can say of a stream what is wrong with it,
// in the eyes of whom the stage is for, before the stage gets it. It is given what there
// is of the last seconds, in the order of arrival: units of tracks of the set.
type Examiner interface {
	Examine(set *media.TrackSet, units []*media.Unit) []Finding
}

// Note says what will not work as one might think, and what to do.
type Note struct{ Message, Hint string }

// review has stages look at what they will be given, where that is known.
func (p *planner) review() {
	for _, n := range p.nodes {
		r, ok := n.Config.(Reviewer)
		if !ok {
			continue
		}
		for _, e := range n.Edges {
			f, ok := p.byName[e.Origin].Config.(Forecaster)
			if !ok {
				continue
			}
			for _, note := range r.Review(f.Forecast()) {
				p.notes = append(p.notes, Problem{Stage: n.Name, Field: "from", Message: note.Message, Hint: note.Hint})
			}
		}
	}
}
