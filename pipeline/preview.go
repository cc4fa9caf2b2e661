package pipeline

import (
	"slices"
	"time"

	"weir/pipeline/media"
)

// Preview is what a stage would get if it ran. Tracks is nil if nothing arrives.
type Preview struct {
	Tracks *media.TrackSet
	// Units are the access units of the last seconds, in the order of arrival. Of tracks
	// that are converted only for the stage, and so not yet, they have their times and
	// nothing else. Held is how long ago the first one came.
	Units []*media.Unit
	Held  time.Duration
	// Via are the conversions in front of the stage, the nearest first.
	Via []*Node
}

// Preview looks at what the first input of a stage would get of the graph as it runs, if
// the plan were in force.
func (g *Graph) Preview(plan *Plan, stage string) Preview {
	node := plan.node(stage)
	if node == nil || len(node.Edges) == 0 {
		return Preview{}
	}
	var p Preview
	var out *Output
	later := false // some conversion does not run yet
	for e := node.Edges[0]; ; {
		from := plan.node(e.From)
		if out == nil {
			out = g.sending(from, e.FromPort)
			later = later || out == nil
		}
		if !from.Inserted {
			break
		}
		p.Via = append(p.Via, from)
		e = from.Edges[0]
	}
	if out == nil {
		return p
	}
	now := time.Now()
	p.Units = slices.DeleteFunc(out.ring.Held(), func(u *media.Unit) bool { return now.Sub(u.Arrived) > DefaultHold })
	if len(p.Units) == 0 {
		return p
	}
	p.Tracks, p.Held = out.ring.Tracks(), now.Sub(p.Units[0].Arrived)
	if later {
		p.convert(node.takes())
	}
	p.Units = slices.DeleteFunc(p.Units, func(u *media.Unit) bool { return u.Track.Form != media.FormAccess })
	return p
}

// convert makes of tracks that are not taken what they will be.
func (p *Preview) convert(want Streams) {
	made := make(map[*media.Track]*media.Track)
	set := &media.TrackSet{Version: p.Tracks.Version}
	for _, t := range p.Tracks.Tracks {
		to := slices.IndexFunc(want.Codecs, func(c media.Codec) bool { return c.Kind() == t.Kind() })
		if !want.Has(t.Codec) && to >= 0 {
			other := *t
			other.Codec, other.Config, other.Layers = want.Codecs[to], nil, slices.Clone(t.Layers)
			for i := range other.Layers {
				other.Layers[i].Config = nil
			}
			made[t] = &other
			t = &other
		}
		set.Tracks = append(set.Tracks, t)
	}
	p.Tracks = set
	for i, u := range p.Units {
		if t := made[u.Track]; t != nil {
			p.Units[i] = &media.Unit{Track: t, Layer: u.Layer, DTS: u.DTS, PTS: u.DTS, Arrived: u.Arrived}
		}
	}
}

// takes is what the node's first input takes.
func (n *Node) takes() Streams {
	port := n.Edges[0].Port
	if s, ok := n.Factory.(Selective); ok {
		return s.Takes(n.Config, port)
	}
	in, _ := n.Factory.Spec().Input(port)
	return in.Streams
}

// sending is the output of a node of another plan, if the graph has the same one and it
// does its work, and nil else.
func (g *Graph) sending(plan *Node, port string) *Output {
	g.mu.Lock()
	n := g.nodes[plan.Name]
	g.mu.Unlock()
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.outs, func(o *Output) bool { return o.port == port })
	if i < 0 || n.state == Paused || rebuilt(n.plan, plan) || !sameConfig(n.plan, plan) || n.outs[i].ring.Tracks() == nil {
		return nil
	}
	return n.outs[i]
}
