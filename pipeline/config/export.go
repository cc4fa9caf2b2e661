package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"weir/pipeline"
)

// Override is what was changed at run time for one pipeline or one stream of it.
type Override struct {
	// Base is the key of the pipeline in the file, As that of the result: the same one, or
	// one that binds its variables.
	Base, As string
	Stopped  []string
	Added    []Addition
}

// Export is a file's text and what was changed at run time in one, for a file that loads.
// Pipelines that nothing changed stay as they are, with their comments.
func Export(text []byte, overrides []Override) (string, error) {
	clean, f := normalize(text)
	if f != nil {
		return "", fmt.Errorf("export: %s", f.message)
	}
	root, faults := parse(clean)
	if len(faults) > 0 {
		return "", fmt.Errorf("export: %s", faults[0].message)
	}
	pipes := root.field("pipelines")
	if pipes == nil || len(pipes.value.fields) == 0 {
		return "", fmt.Errorf("export: there are no pipelines")
	}
	e := &exporter{src: newSource("", clean)}
	if out, ok := e.within(root, pipes, overrides); ok {
		return out, nil
	}
	return e.anew(root, overrides), nil
}

type exporter struct{ src *source }

// within writes what changed into the text. It needs pipelines that stand on lines of
// their own.
func (e *exporter) within(root *node, pipes *field, overrides []Override) (string, bool) {
	first := pipes.value.fields[0].at
	indent := first.column - 1
	last := pipes.at.line
	for i := range pipes.value.fields {
		at := pipes.value.fields[i].at
		if at.column != first.column || at.line <= last {
			return "", false
		}
		last = at.line
	}
	end := len(e.src.lines) // where the section ends, as an index
	for i := range root.fields {
		if at := root.fields[i].at; at.line > pipes.at.line {
			end = min(end, e.above(at.line-1))
		}
	}
	var out []string
	out = append(out, e.src.lines[:first.line-1]...)
	for i := range pipes.value.fields {
		f := &pipes.value.fields[i]
		stop := end
		if i+1 < len(pipes.value.fields) {
			stop = e.above(pipes.value.fields[i+1].at.line - 1)
		}
		if j := slices.IndexFunc(overrides, func(o Override) bool { return o.As == f.key }); j >= 0 {
			out = append(out, e.lines(f, overrides[j], indent)...)
		} else {
			out = append(out, e.src.lines[f.at.line-1:stop]...)
		}
		if i+1 < len(pipes.value.fields) {
			out = append(out, e.src.lines[stop:pipes.value.fields[i+1].at.line-1]...)
		}
	}
	for _, o := range overrides {
		if base := pipes.value.field(o.Base); o.As != o.Base && base != nil {
			out = append(out, strings.Repeat(" ", indent)+"# Added while the server ran.")
			out = append(out, e.lines(base, o, indent)...)
		}
	}
	out = append(out, e.src.lines[end:]...)
	return strings.Join(out, "\n") + "\n", true
}

// above is the index of the first of the comments and empty lines right above a line.
func (e *exporter) above(line int) int {
	for line > 0 {
		text := strings.TrimSpace(e.src.lines[line-1])
		if text != "" && text[0] != '#' {
			break
		}
		line--
	}
	return line
}

// anew writes all of the file.
func (e *exporter) anew(root *node, overrides []Override) string {
	var w writer
	for i := range root.fields {
		f := &root.fields[i]
		if f.key != "pipelines" {
			w.entry(f.key, f.value, 0)
			continue
		}
		w.line(0, "pipelines:")
		for j := range f.value.fields {
			p := &f.value.fields[j]
			if k := slices.IndexFunc(overrides, func(o Override) bool { return o.As == p.key }); k >= 0 {
				w.lines = append(w.lines, e.lines(p, overrides[k], 2)...)
			} else {
				w.entry(p.key, p.value, 2)
			}
		}
		for _, o := range overrides {
			if base := f.value.field(o.Base); o.As != o.Base && base != nil {
				w.lines = append(w.lines, e.lines(base, o, 2)...)
			}
		}
	}
	return strings.Join(w.lines, "\n") + "\n"
}

// lines are a pipeline with what was changed.
func (e *exporter) lines(base *field, o Override, indent int) []string {
	var w writer
	w.line(indent, key(o.As)+":")
	for i := range base.value.fields {
		f := &base.value.fields[i]
		if f.key != "stages" {
			w.entry(f.key, f.value, indent+2)
			continue
		}
		w.line(indent+2, "stages:")
		for j := range f.value.fields {
			if s := &f.value.fields[j]; !slices.Contains(o.Stopped, s.key) {
				w.entry(s.key, s.value, indent+4)
			}
		}
		for k := range o.Added {
			if a := &o.Added[k]; !slices.Contains(o.Stopped, a.Name) {
				w.addition(a, indent+4)
			}
		}
	}
	return w.lines
}

// writer writes YAML.
type writer struct{ lines []string }

func (w *writer) line(indent int, text string) {
	w.lines = append(w.lines, strings.Repeat(" ", indent)+text)
}

func (w *writer) addition(a *Addition, indent int) {
	w.line(indent, key(a.Name)+":")
	w.line(indent+2, "use: "+a.Use)
	x := &extension{}
	for _, part := range []struct {
		key  string
		text json.RawMessage
	}{{"from", a.From}, {"with", a.With}} {
		if len(part.text) == 0 {
			continue
		}
		if n, err := x.parse(part.text, ""); err == nil {
			escape(n)
			w.entry(part.key, n, indent+2)
		}
	}
}

// escape makes a text that means itself where ${…} would mean something else.
func escape(n *node) {
	n.text = strings.ReplaceAll(n.text, "$", "$$")
	for _, item := range n.items {
		escape(item)
	}
	for i := range n.fields {
		escape(n.fields[i].value)
	}
}

// entry writes a key with its value, on the lines below if it has parts.
func (w *writer) entry(name string, n *node, indent int) {
	if flat, ok := inline(n); ok {
		w.line(indent, strings.TrimRight(key(name)+": "+flat, " "))
		return
	}
	w.line(indent, key(name)+":")
	if n.kind == mappingKind {
		for i := range n.fields {
			w.entry(n.fields[i].key, n.fields[i].value, indent+2)
		}
		return
	}
	for _, item := range n.items {
		if flat, ok := inline(item); ok {
			w.line(indent+2, "- "+flat)
			continue
		}
		at := len(w.lines)
		if item.kind == mappingKind {
			for i := range item.fields {
				w.entry(item.fields[i].key, item.fields[i].value, indent+4)
			}
		} else {
			w.entry("", item, indent+4)
		}
		w.lines[at] = strings.Repeat(" ", indent+2) + "- " + w.lines[at][indent+4:]
	}
}

// inline is a value that fits behind its key.
func inline(n *node) (string, bool) {
	switch {
	case n.kind == nullKind:
		return "", true
	case n.kind == scalarKind:
		return scalarText(n), true
	case n.kind == mappingKind && len(n.fields) == 0:
		return "{}", true
	case n.kind == listKind && len(n.items) == 0:
		return "[]", true
	case n.kind == listKind && !slices.ContainsFunc(n.items, func(i *node) bool { return i.kind != scalarKind }):
		texts := make([]string, len(n.items))
		for i, item := range n.items {
			texts[i] = scalarText(item)
			if item.plain && strings.ContainsAny(item.text, ",[]{}:") {
				return "", false
			}
		}
		return "[" + strings.Join(texts, ", ") + "]", true
	default:
		return "", false
	}
}

// scalarText is a scalar as it was written, or as a quoted text.
func scalarText(n *node) string {
	if n.plain && n.text != "" {
		return n.text
	}
	b, _ := json.Marshal(n.text) // a text has no other fault than bytes that are not UTF-8
	return string(b)
}

// key is a mapping's key: plain where that cannot be misread.
func key(name string) string {
	if _, err := pipeline.ParsePattern(name); err == nil && name[0] != '{' || stageName.MatchString(name) {
		return name
	}
	b, _ := json.Marshal(name)
	return string(b)
}
