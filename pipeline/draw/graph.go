package draw

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"weir/pipeline"
)

// Formats lists the names that Draw knows.
func Formats() []string { return []string{"text", "mermaid", "dot", "json"} }

// Draw writes plans in a format. It fails on an unknown format, or as w does.
func Draw(w io.Writer, format string, plans ...*pipeline.Plan) error {
	var text string
	var err error
	switch format {
	case "text":
		text = Text(plans...)
	case "mermaid":
		text = Mermaid(plans...)
	case "dot":
		text = DOT(plans...)
	case "json":
		text, err = JSON(plans...)
	default:
		err = fmt.Errorf("%q is none of %s", format, strings.Join(Formats(), ", "))
	}
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}

// arrow is an edge as it is drawn: with ports only where there is a choice.
type arrow struct {
	from, fromPort string // fromPort is "" if it is the only one
	toPort         string
	queue          string // "" if it is the default
}

func arrows(p *pipeline.Plan, n *pipeline.Node) []arrow {
	as := make([]arrow, 0, len(n.Edges))
	for _, e := range n.Edges {
		a := arrow{from: e.From, queue: queue(e.Queue)}
		if from := node(p, e.From); from != nil && len(from.Factory.Spec().Out) > 1 {
			a.fromPort = e.FromPort
		}
		if len(n.Factory.Spec().In) > 1 {
			a.toPort = e.Port
		}
		as = append(as, a)
	}
	return as
}

func (a arrow) source() string {
	if a.fromPort == "" {
		return a.from
	}
	return a.from + "." + a.fromPort
}

func node(p *pipeline.Plan, name string) *pipeline.Node {
	i := slices.IndexFunc(p.Nodes, func(n *pipeline.Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return p.Nodes[i]
}

// queue describes what differs from the default.
func queue(q pipeline.Queue) string {
	var parts []string
	if q.Overrun != 0 {
		parts = append(parts, q.Overrun.String())
	}
	if q.Hold != 0 {
		parts = append(parts, "hold "+q.Hold.String())
	}
	if q.Bytes != 0 {
		parts = append(parts, pipeline.Bytes(q.Bytes).String())
	}
	return strings.Join(parts, ", ")
}

// traits are what differs from the default in a definition.
func traits(d *pipeline.Definition) string {
	parts := []string{d.When.String()}
	if d.When == pipeline.Demanded {
		parts = append(parts, "linger "+pipeline.FormatDuration(d.Linger))
	}
	if d.Adapt != pipeline.AdaptAuto {
		parts = append(parts, "adapt "+d.Adapt.String())
	}
	return strings.Join(parts, ", ")
}
