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
	shared   map[string]*Node // by producer, port, conversion and codecs
	inserted []*Node
}

// step is a conversion that an edge needs, and of which codecs.
type step struct {
	converter
	of []media.Codec
}

// edge leads e through conversions until what arrives fits.
func (a *adapter) edge(n *Node, e *Edge) {
	in, _ := n.Factory.Spec().Input(e.Port)
	from := a.byName[e.From]
	out, _ := from.Factory.Spec().Output(e.FromPort)
	have, want := out.Streams, in.Streams
	if s, ok := n.Factory.(Selective); ok {
		want = s.Takes(n.Config, e.Port)
	}
	for range len(a.reg.converters()) + 1 {
		s, ok := a.next(have, want)
		if !ok {
			break
		}
		via := a.insert(from, e.FromPort, s, n.Use)
		have = convert(have, s)
		e.From, e.FromPort, from = via.Name, s.Spec().Out[0].Name, via
	}
	a.verdict(n, have, want)
}

// next is the conversion that brings have closest to want, if there is one. Bridges
// between forms come last, so that a transcoder sees the form that the source has.
func (a *adapter) next(have, want Streams) (next step, ok bool) {
	for _, c := range a.reg.converters() {
		of, fits := applies(have, want, c.Conversion)
		switch {
		case !fits || !a.allowed(c.Kind):
		case c.Kind != 0:
			return step{c, of}, true
		case !ok:
			next, ok = step{c, of}, true
		}
	}
	return next, ok
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
// something that fits better; and of which codecs, if that is what does not fit.
func applies(have, want Streams, c *Conversion) (of []media.Codec, ok bool) {
	if c.Kind == 0 {
		return nil, mismatch(have.Form, want.Form) && !mismatch(have.Form, c.From.Form) && c.To.Form == want.Form
	}
	if mismatch(have.Form, c.From.Form) {
		return nil, false
	}
	if c.To.Codecs == nil {
		return nil, want.Without&^have.Without&c.To.Without != 0
	}
	for _, m := range have.codecs() {
		if !want.Has(m) && c.From.Has(m) && slices.ContainsFunc(c.To.Codecs, func(t media.Codec) bool {
			return t.Kind() == m.Kind() && want.Has(t)
		}) {
			of = append(of, m)
		}
	}
	return of, len(of) > 0
}

// codecs lists the codecs of the set.
func (s Streams) codecs() []media.Codec {
	if s.Codecs == nil {
		return media.Codecs()
	}
	return s.Codecs
}

// convert is what have becomes behind a step.
func convert(have Streams, s step) Streams {
	c := s.Conversion
	if c.To.Form != 0 {
		have.Form = c.To.Form
	}
	if c.Kind == 0 {
		return have
	}
	if c.To.Codecs == nil {
		have.Without |= c.To.Without
		return have
	}
	rest := slices.DeleteFunc(slices.Clone(have.codecs()), func(m media.Codec) bool { return slices.Contains(s.of, m) })
	for _, t := range c.To.Codecs {
		if !slices.Contains(rest, t) {
			rest = append(rest, t)
		}
	}
	have.Codecs = rest
	return have
}

// insert is the node of a step, which consumers that need the same share.
func (a *adapter) insert(from *Node, port string, s step, use string) *Node {
	c := s.Conversion
	key := fmt.Sprint(from.Name, ".", port, "~", c.Name, string(s.of))
	if n := a.shared[key]; n != nil {
		return n
	}
	n := &Node{
		Name: a.free("~"+c.Name, strings.TrimPrefix(from.Name, "~")), Use: s.Spec().Type, Factory: s.Factory,
		Config: s.Factory.Config(), Inserted: true, Why: c.Why,
		Edges: []Edge{{From: from.Name, FromPort: port, Port: s.Spec().In[0].Name}},
	}
	if c.Config != nil {
		n.Config = c.Config(s.of)
	}
	if len(s.of) > 0 {
		n.Why = fmt.Sprintf("%s takes no %s; %s", use, names(s.of, "or"), c.Why)
	}
	a.shared[key], a.byName[n.Name] = n, n
	a.inserted = append(a.inserted, n)
	return n
}

// free is a name that no stage has yet.
func (a *adapter) free(name, from string) string {
	if a.byName[name] == nil {
		return name
	}
	name += "-" + from
	free := name
	for i := 2; a.byName[free] != nil; i++ {
		free = fmt.Sprint(name, "-", i)
	}
	return free
}

// names is "AAC, MP3 or Opus".
func names(codecs []media.Codec, last string) string {
	var text strings.Builder
	for i, c := range codecs {
		switch {
		case i == 0:
		case i == len(codecs)-1:
			text.WriteString(" " + last + " ")
		default:
			text.WriteString(", ")
		}
		text.WriteString(c.String())
	}
	return text.String()
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
