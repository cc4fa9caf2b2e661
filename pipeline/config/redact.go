package config

import (
	"fmt"
	"slices"
	"strings"

	"weir/pipeline"
)

// hiddenText is what stands for a secret in a text that is shown. It is quoted, because
// a star begins an alias.
const hiddenText = `"` + pipeline.Redacted + `"`

// Redact is a file's text with "***" for every secret that it holds; what only says where
// a secret is stays. It needs a text that loads, and is empty for any other.
func (l *Loader) Redact(text []byte) string {
	clean, f := normalize(text)
	if f != nil {
		return ""
	}
	root, faults := parse(clean)
	if len(faults) > 0 || root == nil {
		return ""
	}
	src := newSource("", clean)
	src.parsed = true
	src.hideByName(root, false)
	d := &decoder{loader: l, src: src}
	d.file(root)
	if len(d.problems) > 0 {
		return ""
	}
	var spots []spot
	for _, p := range src.secrets {
		if n := scalarAt(root, p); n != nil {
			spots = append(spots, spot{src.span(n), hiddenText})
		}
	}
	return src.replace(spots)
}

// Restore is a text in which "***" stands for secrets, with those of the old text in
// their places. Problems name those that it has not.
func Restore(text, old []byte, filename string) ([]byte, Problems) {
	if !strings.Contains(string(text), pipeline.Redacted) {
		return text, nil
	}
	clean, f := normalize(text)
	if f != nil {
		return text, nil // the loader will say what is wrong
	}
	root, faults := parse(clean)
	if len(faults) > 0 || root == nil {
		return text, nil
	}
	src := newSource(filename, clean)
	src.parsed = true
	var oldRoot *node
	var oldSrc *source
	if oldClean, f := normalize(old); f == nil {
		oldRoot, _ = parse(oldClean)
		oldSrc = newSource(filename, oldClean)
	}
	var spots []spot
	var problems Problems
	walk(root, nil, func(n *node, path []string) {
		if n.text != pipeline.Redacted {
			return
		}
		before := oldRoot.follow(path)
		if before == nil || before.kind != scalarKind || before.block {
			p := Problem{Line: n.at.line, Column: n.at.column, Width: n.at.width, Message: pipeline.Redacted + " stands for a secret that the version in force does not have here", Hint: "write the secret itself, or env:NAME"}
			src.quote(&p)
			problems = append(problems, p)
			return
		}
		spots = append(spots, spot{src.span(n), oldSrc.cut(oldSrc.span(before))})
	})
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	return []byte(src.replace(spots)), nil
}

// spot is a stretch of the text and what stands there instead.
type spot struct {
	span
	text string
}

// span is a stretch of whole lines or of one line: from a column, in characters from 0,
// to another in the same or a later line.
type span struct{ line, from, last, to int }

// span is where a scalar stands, with its quotes.
func (s *source) span(n *node) span {
	line := n.at.line - 1
	runes := []rune(s.lines[line])
	from := min(n.at.column-1, len(runes))
	if n.block {
		return s.blockSpan(line, from)
	}
	if n.plain {
		return span{line, from, line, min(from+n.at.width, len(runes))}
	}
	return s.quotedSpan(line, from)
}

// blockSpan ends before the first line that is not indented deeper than the one that the
// block begins in.
func (s *source) blockSpan(line, from int) span {
	indent := len(s.lines[line]) - len(strings.TrimLeft(s.lines[line], " -"))
	last := line
	for i := line + 1; i < len(s.lines); i++ {
		text := strings.TrimLeft(s.lines[i], " ")
		if text == "" {
			continue
		}
		if len(s.lines[i])-len(text) <= indent {
			break
		}
		last = i
	}
	return span{line, from, last, len([]rune(s.lines[last]))}
}

// quotedSpan ends behind the closing quote.
func (s *source) quotedSpan(line, from int) span {
	runes := []rune(s.lines[line])
	if from >= len(runes) {
		return span{line, from, line, from}
	}
	quote := runes[from]
	at := from + 1
	for i := line; i < len(s.lines); i++ {
		runes = []rune(s.lines[i])
		for ; at < len(runes); at++ {
			switch {
			case quote == '"' && runes[at] == '\\':
				at++
			case runes[at] == quote && quote == '\'' && at+1 < len(runes) && runes[at+1] == quote:
				at++
			case runes[at] == quote:
				return span{line, from, i, at + 1}
			}
		}
		at = 0
	}
	return span{line, from, len(s.lines) - 1, len(runes)}
}

func (s *source) cut(at span) string {
	if at.line == at.last {
		return string([]rune(s.lines[at.line])[at.from:at.to])
	}
	parts := []string{string([]rune(s.lines[at.line])[at.from:])}
	parts = append(parts, s.lines[at.line+1:at.last]...)
	return strings.Join(append(parts, string([]rune(s.lines[at.last])[:at.to])), "\n")
}

// replace is the text with other stretches, which do not overlap.
func (s *source) replace(spots []spot) string {
	slices.SortFunc(spots, func(a, b spot) int {
		if a.line != b.line {
			return b.line - a.line
		}
		return b.from - a.from
	})
	spots = slices.CompactFunc(spots, func(a, b spot) bool { return a.span == b.span })
	lines := slices.Clone(s.lines)
	for _, p := range spots {
		head := string([]rune(lines[p.line])[:p.from])
		tail := string([]rune(lines[p.last])[p.to:])
		lines = slices.Replace(lines, p.line, p.last+1, head+p.text+tail)
	}
	return strings.Join(lines, "\n") + "\n"
}

// scalarAt is the scalar that begins at a place, or nil.
func scalarAt(root *node, p place) (found *node) {
	walk(root, nil, func(n *node, _ []string) {
		if n.at.line == p.line && n.at.column == p.column {
			found = n
		}
	})
	return found
}

// walk visits all scalars with the way to them.
func walk(n *node, path []string, visit func(n *node, path []string)) {
	if n == nil {
		return
	}
	if n.kind == scalarKind {
		visit(n, path)
	}
	for i, item := range n.items {
		walk(item, append(slices.Clip(path), fmt.Sprintf("[%d]", i)), visit)
	}
	for i := range n.fields {
		walk(n.fields[i].value, append(slices.Clip(path), n.fields[i].key), visit)
	}
}

// follow is the node at the end of a way, or nil.
func (n *node) follow(path []string) *node {
	for _, step := range path {
		if n == nil {
			return nil
		}
		if i, ok := index(step); ok && n.kind == listKind {
			if i >= len(n.items) {
				return nil
			}
			n = n.items[i]
			continue
		}
		f := n.field(step)
		if f == nil {
			return nil
		}
		n = f.value
	}
	return n
}
