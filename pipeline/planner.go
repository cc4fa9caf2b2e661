package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/pipeline/ring"
)

// NewPlan checks a definition against the stage types of a registry and plans it.
// It reports every problem at once; the plan is nil if there is any.
func NewPlan(def *Definition, reg *Registry) (*Plan, []Problem) {
	p := &planner{def: def, reg: reg, byName: make(map[string]*Node)}
	p.resolve()
	p.connect()
	p.sort()
	if len(p.problems) == 0 {
		p.fit()
		p.review()
	}
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	return &Plan{Def: def, Nodes: p.nodes, Notes: p.notes}, nil
}

type planner struct {
	def      *Definition
	reg      *Registry
	nodes    []*Node
	byName   map[string]*Node
	problems []Problem
	notes    []Problem
}

func (p *planner) problem(stage, field, hint, format string, args ...any) {
	p.problems = append(p.problems, Problem{Stage: stage, Field: field, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// resolve finds the factory of every stage.
func (p *planner) resolve() {
	if p.def.When == Always && !p.def.Pattern.Static() {
		p.problem("", "when", "name the pipeline without {variables}, or start it when published or demanded",
			"%s cannot run always: nobody says what %s is", p.def.Pattern, strings.Join(p.def.Pattern.Vars(), ", "))
	}
	if len(p.def.Stages) == 0 {
		p.problem("", "stages", "declare at least a source and a sink", "the pipeline has no stages")
	}
	for i := range p.def.Stages {
		s := &p.def.Stages[i]
		f, ok := p.reg.Lookup(s.Use)
		if !ok {
			p.problem(s.Name, "use", "use one of "+strings.Join(p.reg.Types(), ", "), "there is no stage type %q", s.Use)
			continue
		}
		if _, dup := p.byName[s.Name]; dup {
			p.problem(s.Name, "", "give it another name", "there are two stages called %q", s.Name)
			continue
		}
		n := &Node{Name: s.Name, Use: s.Use, Factory: f, Config: s.Config, Restart: s.Restart}
		p.byName[s.Name] = n
		p.nodes = append(p.nodes, n)
	}
}

// connect turns every `from` into an edge.
func (p *planner) connect() {
	for i := range p.def.Stages {
		s := &p.def.Stages[i]
		n := p.byName[s.Name]
		if n == nil {
			continue
		}
		if spec := n.Factory.Spec(); len(spec.In) == 0 && len(s.From) > 0 {
			p.problem(s.Name, "from", "remove `from`", "%s is a source and reads from nothing", s.Use)
			continue
		}
		for j, f := range s.From {
			if e, ok := p.edge(s, j, f, n.Factory.Spec()); ok {
				n.Edges = append(n.Edges, e)
			}
		}
		p.inputs(s, n)
		p.names(s, n)
	}
}

func (p *planner) edge(s *StageDef, j int, f From, to *Spec) (Edge, bool) {
	field := fmt.Sprintf("from[%d]", j)
	from, ok := p.byName[f.Stage]
	if !ok {
		if !p.declared(f.Stage) { // else its own problem has been reported
			p.problem(s.Name, field, p.didYouMean(f.Stage), "it reads from %q, which does not exist", f.Stage)
		}
		return Edge{}, false
	}
	out, ok := pick(from.Factory.Spec().Out, f.Port)
	if !ok {
		p.problem(s.Name, field, "name one of its outputs: "+portNames(from.Factory.Spec().Out),
			"%s (%s) has no output %q", f.Stage, from.Use, f.Port)
		return Edge{}, false
	}
	in, ok := pick(to.In, f.To)
	if !ok {
		p.problem(s.Name, field, "name one of its inputs: "+portNames(to.In), "%s has no input %q", s.Use, f.To)
		return Edge{}, false
	}
	if f.Queue.Overrun == ring.Block && p.live(from, make(map[*Node]bool)) {
		p.problem(s.Name, field+".queue.overrun", "use drop_gop, drop_oldest or fail",
			"a live source cannot wait: %q would stop it for everybody", ring.Block)
		return Edge{}, false
	}
	return Edge{From: f.Stage, FromPort: out.Name, Port: in.Name, Origin: f.Stage, Queue: f.Queue}, true
}

// inputs checks that every input has as many edges as it takes.
func (p *planner) inputs(s *StageDef, n *Node) {
	for _, in := range n.Factory.Spec().In {
		edges := 0
		for _, e := range n.Edges {
			if e.Port == in.Name {
				edges++
			}
		}
		switch {
		case edges == 0 && !in.Optional && len(n.Edges) == len(s.From):
			p.problem(s.Name, "from", "say `from:` and the stage it reads from", "nothing feeds %s", s.Name)
		case edges > 1 && !in.Many:
			p.problem(s.Name, "from", "read from one stage, or put a switch or a mixer in between",
				"%s takes one input and is given %d", s.Use, edges)
		}
	}
}

// names checks what a configuration says about inputs.
func (p *planner) names(s *StageDef, n *Node) {
	c, ok := n.Factory.(InputChecker)
	if !ok || len(n.Edges) < len(s.From) { // else one of its own problems may be why
		return
	}
	from := make([]string, len(s.From))
	for i, f := range s.From {
		from[i] = f.Stage
	}
	for _, err := range flat(c.CheckInputs(s.Config, from)) {
		field, hint := "from", ""
		if fe := (*FieldError)(nil); errors.As(err, &fe) {
			field, hint, err = "with."+fe.Field, fe.Hint, fe.Err
		}
		p.problem(s.Name, field, hint, "%s", err)
	}
}

// flat lists the errors that were joined into one.
func flat(err error) []error {
	switch joined := err.(type) { //nolint:errorlint // errors.As would find only the first of several
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flat(e)...)
		}
		return all
	default:
		return []error{err}
	}
}

// live says whether media in n is paced by a live source.
func (p *planner) live(n *Node, seen map[*Node]bool) bool {
	if n == nil || seen[n] {
		return false
	}
	if n.Factory.Spec().Live {
		return true
	}
	seen[n] = true
	return slices.ContainsFunc(p.fromOf(n), func(name string) bool { return p.live(p.byName[name], seen) })
}

func (p *planner) fromOf(n *Node) []string {
	var names []string
	for _, s := range p.def.Stages {
		if s.Name == n.Name {
			for _, f := range s.From {
				names = append(names, f.Stage)
			}
		}
	}
	return names
}

// sort puts nodes behind what they read from, otherwise as declared, and finds
// cycles.
func (p *planner) sort() {
	var sorted []*Node
	state := make(map[*Node]int) // 1: being visited, 2: done
	var visit func(n *Node, path []string)
	visit = func(n *Node, path []string) {
		path = append(path, n.Name)
		switch state[n] {
		case 1:
			start := slices.Index(path, n.Name)
			p.problem(n.Name, "from", "media flows one way: remove one of these edges",
				"the stages feed one another in a circle: %s", strings.Join(path[start:], " → "))
			return
		case 2:
			return
		}
		state[n] = 1
		for _, e := range n.Edges {
			visit(p.byName[e.From], path)
		}
		state[n] = 2
		sorted = append(sorted, n)
	}
	for _, n := range p.nodes {
		visit(n, nil)
	}
	p.nodes = sorted
}

func (p *planner) declared(name string) bool {
	return slices.ContainsFunc(p.def.Stages, func(s StageDef) bool { return s.Name == name })
}

func (p *planner) didYouMean(name string) string {
	var names []string
	for _, s := range p.def.Stages {
		names = append(names, s.Name)
	}
	if near := Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "the stages are " + strings.Join(names, ", ")
}

func pick(ports []Port, name string) (Port, bool) {
	if name == "" && len(ports) == 1 {
		return ports[0], true
	}
	return findPort(ports, name)
}

func portNames(ports []Port) string {
	var names []string
	for _, port := range ports {
		names = append(names, port.Name)
	}
	return strings.Join(names, ", ")
}

// Nearest is the candidate that name was probably meant to be, or "": the one with
// the least edit distance, if that is at most a third of its length.
func Nearest(name string, candidates []string) string {
	best, least := "", len(name)/3+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(name, c); d < least || (d == least && best == "") {
			best, least = c, d
		}
	}
	return best
}

// distance is the edit distance of Damerau and Levenshtein over bytes, with
// transpositions of neighbours (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			sub := cmp.Compare(a[i-1], b[j-1])
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+sub*sub)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
