package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a file, or worth a note.
type Problem struct {
	File string `json:"file"`
	// Line and Column count from 1, Column and Width in characters.
	Line   int `json:"line"`
	Column int `json:"column"`
	Width  int `json:"width"`
	// Message says what is wrong, Hint what to do; Hint may be empty.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Location leads to the place in something that has no lines: "with.targets[0].url".
	Location string `json:"location,omitempty"`
	// Pipeline and Stage say what the problem is in, if it is in one.
	Pipeline string `json:"pipeline,omitempty"`
	Stage    string `json:"stage,omitempty"`
	// Excerpt is the line, with secrets hidden, and Caret the number of characters
	// before the place in it.
	Excerpt string `json:"excerpt,omitempty"`
	Caret   int    `json:"caret"`
}

// Problems is a list of problems in order of place. It is an error if it is not
// empty; compare its length with 0 rather than the value with nil.
type Problems []Problem

// Error is all problems as text, each with its line and caret.
func (ps Problems) Error() string {
	var b strings.Builder
	for i := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(ps[i].String())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// String is the problem as several lines of text:
//
//	weir.yaml:12:9: unknown key "keyin"
//	   12 |         keyin: 2
//	      |         ^^^^^
//	  help: did you mean "key"?
func (p *Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s\n", p.File, p.Line, p.Column, p.Message)
	if p.Excerpt != "" {
		number := fmt.Sprintf("%5d", p.Line)
		carets := strings.Repeat("^", max(p.Width, 1))
		fmt.Fprintf(&b, "%s | %s\n%*s | %s%s\n", number, p.Excerpt, len(number), "", strings.Repeat(" ", p.Caret), carets)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "  help: %s\n", p.Hint)
	}
	return b.String()
}

// maxProblems bounds what is reported of a file that is wrong all over.
const maxProblems = 100

func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	ps = slices.CompactFunc(ps, func(a, b Problem) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
	if len(ps) > maxProblems {
		last := ps[maxProblems-1]
		last.Message = fmt.Sprintf("there are %d more problems from here on", len(ps)-maxProblems+1)
		last.Hint = "correct the ones above first"
		ps = append(ps[:maxProblems-1:maxProblems-1], last)
	}
	return ps
}
