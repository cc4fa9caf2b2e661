package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"weir/pipeline/media"
)

// fit inserts conversions into the edges whose ends do not fit. A conversion is
// shared by all consumers that need it of the same output.
func (p *planner) fit() {
	a := &adapter{planner: p, shared: make(map[string]*Node)}
	for _, n := range slices.Clone(p.nodes) {
		for i := range n.Edges {
			a.edge(n, &n.Edges[i])
		}
	}
	p.nodes = a.merge(p.nodes)
}

type adapter struct {
	*planner
	shared   map[string]*Node // by producer, port and conversion
	inserted []*Node
}

// edge leads e through conversions until what arrives fits.
func (a *adapter) edge(n *Node, e *Edge) {
	in, _ := n.Factory.Spec().Input(e.Port)
	from := a.byName[e.From]
	out, _ := from.Factory.Spec().Output(e.FromPort)
	have, want := out.Streams, in.Streams
	for range len(a.reg.converters()) + 1 {
		f := a.next(have, want)
		if f == nil {
			break
		}
		via := a.insert(from, e.FromPort, f)
		have = convert(have, f.Spec().Converts)
		e.From, e.FromPort, from = via.Name, f.Spec().Out[0].Name, via
	}
	a.verdict(n, have, want)
}

// next is the conversion that brings have closest to want, or nil. Bridges between
// forms come last, so that a transcoder sees the form that the source has.
func (a *adapter) next(have, want Streams) Factory {
	var bridge Factory
	for _, f := range a.reg.converters() {
		c := f.Spec().Converts
		switch {
		case !a.allowed(c.Kind) || !applies(have, want, c):
		case c.Kind != 0:
			return f
		case bridge == nil:
			bridge = f
		}
	}
	return bridge
}

func (a *adapter) allowed(k media.Kind) bool {
	switch k {
	case media.KindVideo:
		return a.def.Adapt == AdaptAuto
	case media.KindAudio:
		return a.def.Adapt != AdaptNone
	default:
		return true
	}
}

// applies says whether c takes some of have that does not fit and makes of it
// something that fits better.
func applies(have, want Streams, c *Conversion) bool {
	if c.Kind == 0 {
		return mismatch(have.Form, want.Form) && !mismatch(have.Form, c.From.Form) && c.To.Form == want.Form
	}
	if mismatch(have.Form, c.From.Form) {
		return false
	}
	if want.Without&^have.Without&c.To.Without != 0 {
		return true
	}
	return slices.ContainsFunc(have.Codecs, func(m media.Codec) bool {
		return !want.Has(m) && c.From.Codecs != nil && c.From.Has(m) &&
			slices.ContainsFunc(c.To.Codecs, func(t media.Codec) bool { return t.Kind() == m.Kind() && want.Has(t) })
	})
}

// convert is what have becomes behind c.
func convert(have Streams, c *Conversion) Streams {
	if c.To.Form != 0 {
		have.Form = c.To.Form
	}
	if c.Kind == 0 {
		return have
	}
	have.Without |= c.To.Without
	if c.From.Codecs != nil && c.To.Codecs != nil && have.Codecs != nil {
		rest := slices.DeleteFunc(slices.Clone(have.Codecs), func(m media.Codec) bool {
			return c.From.Has(m) && !slices.Contains(c.To.Codecs, m)
		})
		for _, t := range c.To.Codecs {
			if !slices.Contains(rest, t) {
				rest = append(rest, t)
			}
		}
		have.Codecs = rest
	}
	return have
}

func (a *adapter) insert(from *Node, port string, f Factory) *Node {
	c := f.Spec().Converts
	key := from.Name + "." + port + "~" + c.Name
	if n := a.shared[key]; n != nil {
		return n
	}
	name := "~" + c.Name
	if a.byName[name] != nil {
		name = "~" + c.Name + "-" + strings.TrimPrefix(from.Name, "~")
	}
	n := &Node{
		Name: name, Use: f.Spec().Type, Factory: f, Config: f.Config(), Inserted: true, Why: c.Why,
		Edges: []Edge{{From: from.Name, FromPort: port, Port: f.Spec().In[0].Name}},
	}
	a.shared[key], a.byName[name] = n, n
	a.inserted = append(a.inserted, n)
	return n
}

// verdict reports what still does not fit: nothing at all is a problem, some of it
// a note.
func (a *adapter) verdict(n *Node, have, want Streams) {
	if mismatch(have.Form, want.Form) {
		a.problem(n.Name, "from", "read from a stage that has it, or remove this stage",
			"it takes %s and is given %s, and nothing here converts one into the other", want.Form, have.Form)
		return
	}
	var fits, lost []string
	for _, m := range have.Codecs {
		if want.Has(m) {
			fits = append(fits, m.String())
		} else {
			lost = append(lost, m.String())
		}
	}
	switch {
	case len(lost) > 0 && len(fits) == 0:
		a.problem(n.Name, "from", "read from a stage that has another codec",
			"it takes none of %s", strings.Join(lost, ", "))
	case len(lost) > 0:
		are, them := "is", "it"
		if len(lost) > 1 {
			are, them = "are", "them"
		}
		a.note(n.Name, "%s %s left out: %s does not take %s, and nothing here converts %[4]s", strings.Join(lost, " and "), are, n.Use, them)
	}
	if want.Without&^have.Without&BFrames != 0 {
		a.note(n.Name, "video with B-frames is left out: %s does not take it, and nothing here removes them", n.Use)
	}
}

func (a *adapter) note(stage, format string, args ...any) {
	a.notes = append(a.notes, Problem{Stage: stage, Field: "from", Message: fmt.Sprintf(format, args...)})
}

// merge puts the inserted nodes behind what they read from.
func (a *adapter) merge(nodes []*Node) []*Node {
	var all []*Node
	var behind func(name string)
	behind = func(name string) {
		for _, c := range a.inserted {
			if c.Edges[0].From == name {
				all = append(all, c)
				behind(c.Name)
			}
		}
	}
	for _, n := range nodes {
		all = append(all, n)
		behind(n.Name)
	}
	return all
}

func mismatch(a, b media.Form) bool { return a != 0 && b != 0 && a != b }
