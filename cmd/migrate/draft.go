package migrate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"weir/pipeline"
)

// draft is a configuration of Weir's in the making.
type draft struct {
	source    string // the file that it is made of
	notes     []string
	secrets   []secret
	server    []field
	unserved  []string // about the server section
	pipelines []*flow
	allow     []string // of server.outgoing
}

// secret is an environment variable that somebody has to set.
type secret struct {
	name, what string
	line       int
}

// field is a key with its value in YAML.
type field struct{ key, value string }

// flow is a pipeline.
type flow struct {
	pattern string
	notes   []string
	stages  []*step
}

// step is a stage of one.
type step struct {
	name, use, from string
	notes           []string
	with            []field
}

// note adds a sentence about a line of the source; 0 is about no line.
func note(notes *[]string, line int, format string, args ...any) {
	text := flat(fmt.Sprintf(format, args...))
	if line > 0 {
		text = fmt.Sprintf("(line %d) %s", line, text)
	}
	if !slices.Contains(*notes, text) {
		*notes = append(*notes, text)
	}
}

// set adds a field of the server section, unless it is there.
func (d *draft) set(key, value string) {
	if !slices.ContainsFunc(d.server, func(f field) bool { return f.key == key }) {
		d.server = append(d.server, field{key, value})
	}
}

var unfit = regexp.MustCompile(`[^A-Z0-9]+`)

// secret makes an environment variable for something secret, and returns how a file
// refers to it, with a value for as long as it is not set.
func (d *draft) secret(name, what string, line int, unset string) string {
	name = strings.Trim(unfit.ReplaceAllString(strings.ToUpper(name), "_"), "_")
	if name == "" || unicode.IsDigit(rune(name[0])) {
		name = "WEIR_" + name
	}
	if !slices.ContainsFunc(d.secrets, func(s secret) bool { return s.name == name }) {
		d.secrets = append(d.secrets, secret{name, what, line})
	}
	return quote("${"+name+":-"+unset+"}", false)
}

// free says whether a pipeline's pattern is a good one that is not there yet.
func (d *draft) free(f *flow, line int) bool {
	_, err := pipeline.ParsePattern(f.pattern)
	switch {
	case err != nil:
		note(&d.notes, line, "%s is left out: %v.", clean(f.pattern), err)
	case slices.ContainsFunc(d.pipelines, func(g *flow) bool { return g.pattern == f.pattern }):
		note(&d.notes, line, "%s is there twice; the first one counts.", clean(f.pattern))
	default:
		return true
	}
	return false
}

// step adds a stage, numbered if there is one of its name.
func (f *flow) step(s *step) *step {
	name := s.name
	for n := 2; slices.ContainsFunc(f.stages, func(o *step) bool { return o.name == s.name }); n++ {
		s.name = fmt.Sprint(name, n)
	}
	f.stages = append(f.stages, s)
	return s
}

// quote is a text as a YAML scalar. literal says that ${ in it is no variable.
func quote(text string, literal bool) string {
	if literal {
		text = strings.ReplaceAll(text, "$", "$$")
	}
	b, _ := json.Marshal(clean(text)) // a text has a form in JSON, which is YAML
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}

// longest is the most characters of the source that are shown at once.
const longest = 300

// clean is a text without what would end a line or move a cursor, and not too long.
func clean(text string) string {
	text = flat(text)
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	return text
}

func flat(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || r == '\uFEFF' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// shown is a text of the source as a comment may quote it.
func shown(text string) string { return pipeline.RedactURLs(clean(text)) }

// String is the file.
func (d *draft) String() string {
	var w writer
	w.comment(0, fmt.Sprintf("Made of %s by `weir import`. Read the comments: they say what there was that has no equivalent here, with its line there. `weir check` says whether this file is good, `weir graph` shows it.", clean(d.source)))
	if len(d.secrets) > 0 {
		w.line("#")
		w.comment(0, "Secrets are not copied. Set these variables where weir runs:")
		for _, s := range d.secrets {
			where := ""
			if s.line > 0 {
				where = fmt.Sprintf(" (line %d)", s.line)
			}
			w.comment(0, fmt.Sprintf("  %s: %s%s", s.name, s.what, where))
		}
	}
	for _, n := range d.notes {
		w.line("#")
		w.comment(0, n)
	}
	w.line("")
	if len(d.allow) > 0 {
		var all []string
		for _, a := range d.allow {
			all = append(all, quote(a, true))
		}
		d.set("outgoing", "{allow: ["+strings.Join(all, ", ")+"]}")
	}
	if len(d.server)+len(d.unserved) > 0 {
		for _, n := range d.unserved {
			w.comment(0, n)
		}
		if len(d.server) > 0 {
			w.line("server:")
		}
		for _, f := range d.server {
			w.line("  " + f.key + ": " + f.value)
		}
		w.line("")
	}
	w.line("pipelines:")
	for _, f := range d.pipelines {
		f.write(&w)
	}
	return w.String()
}

func (f *flow) write(w *writer) {
	for _, n := range f.notes {
		w.comment(1, n)
	}
	w.line("  " + quotedKey(f.pattern) + ":")
	w.line("    stages:")
	for _, s := range f.stages {
		for _, n := range s.notes {
			w.comment(3, n)
		}
		w.line("      " + s.name + ":")
		w.line("        use: " + s.use)
		if s.from != "" {
			w.line("        from: " + s.from)
		}
		if len(s.with) > 0 {
			w.line("        with:")
		}
		for _, a := range s.with {
			w.line("          " + a.key + ": " + a.value)
		}
	}
}

// quotedKey is a pattern as a key, which must not begin like a flow mapping.
func quotedKey(pattern string) string {
	if strings.HasPrefix(pattern, "{") || !unicode.IsLetter(rune(pattern[0])) {
		return quote(pattern, true)
	}
	return pattern
}

// writer writes lines.
type writer struct{ strings.Builder }

func (w *writer) line(text string) { w.WriteString(text + "\n") }

// width is that of comments.
const width = 96

// comment writes a text as lines that are not too long.
func (w *writer) comment(depth int, text string) {
	head := strings.Repeat("  ", depth) + "#"
	indent := " "
	if trimmed := strings.TrimLeft(text, " "); len(trimmed) < len(text) {
		indent += text[:len(text)-len(trimmed)]
	}
	line := head + indent
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && len(line)+1+len(word) > width {
			w.line(line)
			line, empty = head+indent+"  ", true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	w.line(line)
}
