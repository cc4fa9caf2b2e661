package main

import (
	"io"
	"os"
	"strings"

	"weir/pipeline/config"
)

// brush colours what is shown to people.
type brush struct{ on bool }

// painter is a brush for w: it colours terminals, unless NO_COLOR is set
// (no-color.org) or the terminal is dumb.
func painter(w io.Writer) brush {
	f, ok := w.(*os.File)
	return brush{ok && terminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// The colours, as ANSI escape sequences.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	cyan  = "\x1b[36m"
	plain = "\x1b[0m"
)

func (b brush) paint(colour, s string) string {
	if !b.on || s == "" {
		return s
	}
	return colour + s + plain
}

// problems is their text with the message bold, the caret red and the help cyan.
func (b brush) problems(ps config.Problems) string {
	var out strings.Builder
	for i := range ps {
		if i > 0 {
			out.WriteByte('\n')
		}
		for j, line := range strings.Split(strings.TrimSuffix(ps[i].String(), "\n"), "\n") {
			switch {
			case j == 0:
				line = b.paint(bold, line)
			case strings.HasPrefix(line, "  help: "):
				line = b.paint(cyan, line)
			case strings.HasSuffix(line, "^"):
				bar := strings.IndexByte(line, '|') + 1
				line = line[:bar] + b.paint(red, line[bar:])
			}
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

// message is an error's text with its first line bold and its help cyan.
func (b brush) message(text string) string {
	first, rest, more := strings.Cut(text, "\n")
	if !more {
		return b.paint(bold, first)
	}
	return b.paint(bold, first) + "\n" + b.paint(cyan, rest)
}
