package draw

import (
	"fmt"
	"strings"

	"weir/pipeline"
)

// Mermaid draws plans as a flowchart that GitHub and GitLab render: sources are
// rounded, sinks have a bar, inserted conversions are dashed.
func Mermaid(plans ...*pipeline.Plan) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, p := range plans {
		fmt.Fprintf(&b, "  subgraph p%d[\"%s (%s)\"]\n", i, mermaidText(p.Def.Pattern.String()), traits(p.Def))
		ids := identifiers(i, p)
		for _, n := range p.Nodes {
			left, right := mermaidShape(n)
			fmt.Fprintf(&b, "    %s%s\"%s\"%s\n", ids[n.Name], left, label(n, "<br/>", mermaidText), right)
		}
		for _, n := range p.Nodes {
			for _, a := range arrows(p, n) {
				text := ""
				if l := edgeLabel(a); l != "" {
					text = "|\"" + mermaidText(l) + "\"|"
				}
				fmt.Fprintf(&b, "    %s -->%s %s\n", ids[a.from], text, ids[n.Name])
			}
		}
		b.WriteString("  end\n")
		for _, n := range p.Nodes {
			if n.Inserted {
				fmt.Fprintf(&b, "  style %s stroke-dasharray: 4 3\n", ids[n.Name])
			}
		}
	}
	return b.String()
}

func mermaidShape(n *pipeline.Node) (left, right string) {
	switch n.Factory.Spec().Role {
	case pipeline.Source:
		return "([", "])"
	case pipeline.Sink:
		return "[[", "]]"
	case pipeline.Transform:
		return "[", "]"
	default:
		return "[", "]"
	}
}

// mermaidText writes what a quoted label cannot hold as entities.
func mermaidText(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "#", "#35;", "\n", " ").Replace(s)
}

// DOT draws plans for Graphviz.
func DOT(plans ...*pipeline.Plan) string {
	var b strings.Builder
	b.WriteString("digraph weir {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n")
	for i, p := range plans {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%s;\n", i, dotText(p.Def.Pattern.String()+" ("+traits(p.Def)+")"))
		ids := identifiers(i, p)
		for _, n := range p.Nodes {
			fmt.Fprintf(&b, "    %s [label=%s%s];\n", ids[n.Name], dotText(label(n, "\n", func(s string) string { return s })), dotStyle(n))
		}
		for _, n := range p.Nodes {
			for _, a := range arrows(p, n) {
				text := ""
				if l := edgeLabel(a); l != "" {
					text = " [label=" + dotText(l) + "]"
				}
				fmt.Fprintf(&b, "    %s -> %s%s;\n", ids[a.from], ids[n.Name], text)
			}
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func dotStyle(n *pipeline.Node) string {
	switch {
	case n.Inserted:
		return ", style=dashed"
	case n.Factory.Spec().Role == pipeline.Source:
		return ", style=rounded"
	case n.Factory.Spec().Role == pipeline.Sink:
		return ", peripheries=2"
	default:
		return ""
	}
}

// dotText quotes a string as DOT wants it.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// label is a node's name, type and remarks on lines of their own.
func label(n *pipeline.Node, newline string, escape func(string) string) string {
	lines := []string{escape(n.Name), escape(n.Use)}
	if n.Inserted {
		lines = append(lines, escape(n.Why))
	}
	if n.Restart != pipeline.RestartAuto {
		lines = append(lines, "restart "+n.Restart.String())
	}
	return strings.Join(lines, newline)
}

func edgeLabel(a arrow) string {
	var parts []string
	if a.fromPort != "" {
		parts = append(parts, a.fromPort)
	}
	if a.toPort != "" {
		parts = append(parts, "to "+a.toPort)
	}
	if a.queue != "" {
		parts = append(parts, a.queue)
	}
	return strings.Join(parts, ", ")
}

// identifiers gives every node of the i-th plan a name that any grammar takes.
func identifiers(i int, p *pipeline.Plan) map[string]string {
	ids := make(map[string]string, len(p.Nodes))
	for j, n := range p.Nodes {
		ids[n.Name] = fmt.Sprintf("p%d_%d", i, j)
	}
	return ids
}
