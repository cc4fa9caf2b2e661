package pipeline

import (
	"errors"

	"weir/pipeline/media"
)

// The reasons for which a stage cannot be told anything.
var (
	ErrNoStage    = errors.New("the stream has no such stage")
	ErrNotRunning = errors.New("the stage does not run at present")
	ErrNoControl  = errors.New("the stage cannot be told to change while it runs")
)

// Control tells a running stage to change; see [Controller]. Other errors than those above
// are the stage's own.
func (g *Graph) Control(stage string, body []byte) error {
	g.mu.Lock()
	n := g.nodes[stage]
	g.mu.Unlock()
	if n == nil {
		return ErrNoStage
	}
	n.mu.Lock()
	running := n.stage
	n.mu.Unlock()
	if running == nil {
		return ErrNotRunning
	}
	c, ok := running.(Controller)
	if !ok {
		return ErrNoControl
	}
	return c.Control(body) //nolint:wrapcheck // it is the stage's sentence
}

// Still is a picture of the graph: the newest key access unit of the first video track
// that flows somewhere, of the layer with the smallest pictures. It is nil if there is
// none.
func (g *Graph) Still() *media.Unit {
	g.mu.Lock()
	var outs []*Output
	for _, plan := range g.plan.Nodes {
		if n := g.nodes[plan.Name]; n != nil {
			n.mu.Lock()
			outs = append(outs, n.outs...)
			n.mu.Unlock()
		}
	}
	g.mu.Unlock()
	for _, o := range outs {
		var best *media.Unit
		for _, u := range o.ring.Keys() {
			if u.Track.Form == media.FormAccess && (best == nil || area(u) < area(best)) {
				best = u
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// area is how many pixels a picture has; unknown sizes come last.
func area(u *media.Unit) int {
	const unknown = 1 << 30
	if l := int(u.Layer); l >= 0 && l < len(u.Track.Layers) {
		if n := u.Track.Layers[l].Width * u.Track.Layers[l].Height; n > 0 {
			return n
		}
	}
	return unknown
}
