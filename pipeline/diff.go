package pipeline

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Change says what going from one plan to another does to its stages.
type Change struct {
	Added, Removed, Changed, Untouched []string
}

// Diff compares two plans of one definition, stage by stage. A stage is touched if
// its type, its configuration or what it reads from changed.
func Diff(from, to *Plan) Change {
	var c Change
	for _, n := range from.Nodes {
		if now := to.node(n.Name); now == nil || moved(n, now) {
			c.Removed = append(c.Removed, n.Name)
		}
	}
	for _, n := range to.Nodes {
		switch old := from.node(n.Name); {
		case old == nil || moved(old, n):
			c.Added = append(c.Added, n.Name)
		case rebuilt(old, n) || !sameConfig(old, n):
			c.Changed = append(c.Changed, n.Name)
		default:
			c.Untouched = append(c.Untouched, n.Name)
		}
	}
	return c
}

// None says whether nothing is touched.
func (c Change) None() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// String is a sentence: "1 stage starts (hls), 2 restart (a, b), 5 untouched".
func (c Change) String() string {
	var parts []string
	part := func(names []string, one, many string) {
		switch len(names) {
		case 0:
		case 1:
			parts = append(parts, fmt.Sprintf("1 stage %s (%s)", one, names[0]))
		default:
			parts = append(parts, fmt.Sprintf("%d stages %s (%s)", len(names), many, strings.Join(names, ", ")))
		}
	}
	part(c.Added, "starts", "start")
	part(c.Removed, "ends", "end")
	part(c.Changed, "restarts", "restart")
	return strings.Join(append(parts, fmt.Sprintf("%d untouched", len(c.Untouched))), ", ")
}

// moved says whether a name now stands for a stage at another place in the graph.
func moved(a, b *Node) bool { return a.Factory.Spec().Role != b.Factory.Spec().Role }

// rebuilt says whether a node must be another stage or read from elsewhere.
func rebuilt(a, b *Node) bool {
	return a.Use != b.Use || a.Inserted != b.Inserted || !slices.Equal(a.Edges, b.Edges)
}

func sameConfig(a, b *Node) bool { return reflect.DeepEqual(a.Config, b.Config) }
