package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"weir/pipeline"
)

// source is a file's text, from which problems quote.
type source struct {
	name  string
	lines []string
	// secrets are the places that must not be shown; nil before they are known.
	secrets []place
	parsed  bool
}

// maxExcerpt bounds a quoted line in characters.
const maxExcerpt = 120

// secretKey matches keys whose values are not shown, whatever their type.
var secretKey = regexp.MustCompile(`(?i)(^|_)(keys?|secrets?|tokens?|passwords?|passphrase)$`)

// secretText matches the same in a text that could not be parsed.
var secretText = regexp.MustCompile(`(?i)(keys?|secrets?|tokens?|passwords?|passphrase)["']?\s*:`)

// variableOnly matches the rest of such a line if it only names variables.
var variableOnly = regexp.MustCompile(`^["']?\$\{[A-Za-z0-9_]+\}["'}\], ]*$`)

// secretReference matches values that only say where a secret is.
var secretReference = regexp.MustCompile(`^(\$\{[A-Za-z0-9_]+(:-)?\}|(env|file):.*)$`)

// newSource splits a text into lines.
func newSource(name, text string) *source {
	return &source{name: name, lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
}

// quote completes a problem whose place is set: it names the file, brings the place
// into the text's bounds and quotes the line.
func (s *source) quote(p *Problem) {
	p.File = s.name
	p.Line = min(max(p.Line, 1), len(s.lines))
	text := s.lines[p.Line-1]
	length := utf8.RuneCountInString(text)
	p.Column = min(max(p.Column, 1), length+1)
	p.Width = min(max(p.Width, 1), max(length-p.Column+1, 1))
	p.Excerpt, p.Caret, p.Width = s.excerpt(text, p.Line, p.Column, p.Width)
}

// excerpt is a line with secrets hidden, cut to maxExcerpt around the column, and
// where the place is in it.
func (s *source) excerpt(text string, line, column, width int) (cut string, caret, shown int) {
	runes := []rune(strings.Map(printable, text))
	var out []rune
	caret, shown = -1, width
	hidden := s.hidden(text, line)
	for i := 0; i < len(runes); {
		next, masked := i+1, runes[i:i+1]
		if j := slices.IndexFunc(hidden, func(h place) bool { return h.column-1 == i }); j >= 0 {
			next, masked = min(i+max(hidden[j].width, 1), len(runes)), []rune(pipeline.Redacted)
		}
		if caret < 0 && column-1 < next {
			caret = len(out)
			if next > i+1 {
				shown = len(masked)
			}
		}
		out = append(out, masked...)
		i = next
	}
	if caret < 0 {
		caret = len(out)
	}
	if len(out) > maxExcerpt {
		from := min(max(caret-maxExcerpt/2, 0), len(out)-maxExcerpt)
		out, caret = out[from:from+maxExcerpt], caret-from
	}
	shown = max(min(shown, len(out)-caret), 1)
	return strings.TrimRight(string(out), " "), caret, shown
}

// printable replaces what would move a terminal's cursor.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\uFEFF':
		return '?'
	default:
		return r
	}
}

// hidden lists the places in a line that are not shown, in order.
func (s *source) hidden(text string, line int) []place {
	if !s.parsed {
		if m := secretText.FindStringIndex(text); m != nil {
			column := utf8.RuneCountInString(text[:m[1]]) + 1
			rest := []rune(text)[column-1:]
			for len(rest) > 0 && rest[0] == ' ' {
				rest, column = rest[1:], column+1
			}
			if len(rest) > 0 && !variableOnly.MatchString(string(rest)) {
				return []place{{line, column, len(rest)}}
			}
		}
		return nil
	}
	var ps []place
	for _, p := range s.secrets {
		if p.line == line {
			ps = append(ps, p)
		}
	}
	return ps
}

// hideByName notes all values under keys that sound secret.
func (s *source) hideByName(n *node, secret bool) {
	switch {
	case n == nil:
	case n.kind == scalarKind:
		if secret && n.text != "" && !secretReference.MatchString(n.text) {
			s.secrets = append(s.secrets, n.at)
		}
	default:
		for _, item := range n.items {
			s.hideByName(item, secret)
		}
		for i := range n.fields {
			s.hideByName(n.fields[i].value, secret || secretKey.MatchString(n.fields[i].key))
		}
	}
}
