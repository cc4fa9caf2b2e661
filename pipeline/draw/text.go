package draw

import (
	"strings"
	"unicode/utf8"

	"weir/pipeline"
)

// Text draws plans as aligned lines, one a stage and one more for each further
// edge. It is the form of golden tests.
func Text(plans ...*pipeline.Plan) string {
	var b strings.Builder
	for i, p := range plans {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Def.Pattern.String() + " (" + traits(p.Def) + ")\n")
		var t table
		for _, n := range p.Nodes {
			t.stage(p, n)
		}
		t.write(&b)
		for _, note := range p.Notes {
			b.WriteString("  note: ")
			if note.Stage != "" {
				b.WriteString(note.Stage + ": ")
			}
			b.WriteString(note.Message)
			if note.Hint != "" {
				b.WriteString(" (" + note.Hint + ")")
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// table aligns columns.
type table struct{ rows [][]string }

// stage adds the lines of a node: name, type, what it reads, and remarks.
func (t *table) stage(p *pipeline.Plan, n *pipeline.Node) {
	var remarks []string
	if n.Inserted {
		remarks = append(remarks, "inserted: "+n.Why)
	}
	if n.Restart != pipeline.RestartAuto {
		remarks = append(remarks, "restart "+n.Restart.String())
	}
	row := []string{n.Name, n.Use, "", ""}
	for _, a := range arrows(p, n) {
		row[2] = "<- " + a.source()
		if a.toPort != "" {
			row[2] += " to " + a.toPort
		}
		if a.queue != "" {
			remarks = append(remarks, a.queue)
		}
		row[3] = strings.Join(remarks, "; ")
		t.rows = append(t.rows, row)
		row, remarks = []string{"", "", "", ""}, nil
	}
	if len(n.Edges) == 0 {
		row[3] = strings.Join(remarks, "; ")
		t.rows = append(t.rows, row)
	}
}

func (t *table) write(b *strings.Builder) {
	var widths [4]int
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString("  " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
