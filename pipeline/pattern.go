package pipeline

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// validSegment checks one segment of a path; see DESIGN section 6 and ValidPath. It is
// asked with every HTTP request.
func validSegment(s string) bool {
	const most = 64
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && strings.IndexByte("._~-", c) >= 0:
		default:
			return false
		}
	}
	return 0 < len(s) && len(s) <= most
}

var variable = regexp.MustCompile(`^\{[a-z][a-z0-9_]*(=[^{}=/]*)?\}$`)

// maxSegments bounds the depth of a path.
const maxSegments = 4

// ValidPath checks an instance's path: one to four segments of letters, digits
// and "._~-", each starting with a letter or digit. Such a path is safe in a URL,
// in a file name and in a metric.
func ValidPath(path string) error {
	segs := strings.Split(path, "/")
	if len(segs) > maxSegments {
		return fmt.Errorf("a path has at most %d segments", maxSegments)
	}
	for _, s := range segs {
		if !validSegment(s) {
			return errors.New("a path's segments are 1 to 64 letters, digits or . _ ~ -, starting with a letter or digit")
		}
	}
	return nil
}

// Pattern is a path in which whole segments may be variables: "live/{name}". A
// variable may be bound: "live/{name=studio}" matches live/studio alone and still
// says that name is studio. It is the address of a definition; the zero Pattern
// matches nothing.
type Pattern struct {
	text string
	segs []segment
}

// segment is one segment of a pattern.
type segment struct {
	name string // of the variable; "" if it is none
	want string // the only text that matches; "" is any
}

// ParsePattern checks and parses a pattern.
func ParsePattern(text string) (Pattern, error) {
	words := strings.Split(text, "/")
	if len(words) > maxSegments {
		return Pattern{}, fmt.Errorf("a path has at most %d segments", maxSegments)
	}
	p := Pattern{text: text}
	for _, w := range words {
		s := segment{want: w}
		if variable.MatchString(w) {
			var bound bool
			s.name, s.want, bound = strings.Cut(w[1:len(w)-1], "=")
			if slices.ContainsFunc(p.segs, func(o segment) bool { return o.name == s.name }) {
				return Pattern{}, fmt.Errorf("{%s} stands twice in %q", s.name, text)
			}
			if bound && !validSegment(s.want) {
				return Pattern{}, fmt.Errorf("%q is no value for {%s}: it takes 1 to 64 letters, digits or . _ ~ -", s.want, s.name)
			}
		} else if !validSegment(w) {
			return Pattern{}, fmt.Errorf("%q is neither a {variable} nor a name of 1 to 64 letters, digits or . _ ~ -", w)
		}
		p.segs = append(p.segs, s)
	}
	return p, nil
}

// String is the pattern as it was parsed.
func (p Pattern) String() string { return p.text }

// Static says whether the pattern has no variables and so is a path itself.
func (p Pattern) Static() bool { return !slices.ContainsFunc(p.segs, segment.variable) }

// Path is the only path that the pattern matches, if all its variables are bound.
func (p Pattern) Path() (path string, only bool) {
	words := make([]string, len(p.segs))
	for i, s := range p.segs {
		words[i] = s.want
	}
	return strings.Join(words, "/"), len(words) > 0 && !slices.Contains(words, "")
}

// Template is the pattern without what is bound: "live/{name}" of "live/{name=studio}".
func (p Pattern) Template() Pattern {
	return p.with(func(s segment) segment {
		if s.name != "" {
			s.want = ""
		}
		return s
	})
}

// Bind binds all variables to what they are at path, which the pattern must match.
func (p Pattern) Bind(path string) Pattern {
	vars, ok := p.Match(path)
	if !ok {
		return Pattern{}
	}
	return p.with(func(s segment) segment {
		if s.name != "" {
			s.want = vars[s.name]
		}
		return s
	})
}

// with is the pattern with other segments.
func (p Pattern) with(change func(segment) segment) Pattern {
	q := Pattern{segs: make([]segment, len(p.segs))}
	words := make([]string, len(p.segs))
	for i, s := range p.segs {
		q.segs[i] = change(s)
		words[i] = q.segs[i].String()
	}
	q.text = strings.Join(words, "/")
	return q
}

// Vars lists the variables' names in order.
func (p Pattern) Vars() []string {
	var vs []string
	for _, s := range p.segs {
		if s.variable() {
			vs = append(vs, s.name)
		}
	}
	return vs
}

// Match says whether path is an instance of the pattern, and with which values.
// A path that ValidPath refuses never matches.
func (p Pattern) Match(path string) (map[string]string, bool) {
	words := strings.Split(path, "/")
	if len(words) != len(p.segs) || ValidPath(path) != nil {
		return nil, false
	}
	vars := make(map[string]string)
	for i, s := range p.segs {
		if s.want != "" && s.want != words[i] {
			return nil, false
		}
		if s.name != "" {
			vars[s.name] = words[i]
		}
	}
	return vars, true
}

// Leads says whether the first segments, of which there are enough, match the pattern.
// It allocates nothing.
func (p Pattern) Leads(segments []string) bool {
	if len(segments) < len(p.segs) {
		return false
	}
	for i, s := range p.segs {
		if s.want != "" && s.want != segments[i] {
			return false
		}
	}
	return true
}

// Segments is how many segments the pattern has.
func (p Pattern) Segments() int { return len(p.segs) }

// Compare orders patterns from the most specific to the least: of two patterns
// that match a path, the one that names more leading segments comes first; a bound
// variable names its segment, but a plain name does so more.
func (p Pattern) Compare(q Pattern) int {
	for _, free := range []func(segment) bool{segment.free, segment.variable} {
		for i := range min(len(p.segs), len(q.segs)) {
			pv, qv := free(p.segs[i]), free(q.segs[i])
			if pv != qv {
				if qv {
					return -1
				}
				return 1
			}
		}
	}
	return strings.Compare(p.text, q.text)
}

func (s segment) variable() bool { return s.name != "" }

// free says whether any text matches.
func (s segment) free() bool { return s.want == "" }

// String is the segment as it is parsed.
func (s segment) String() string {
	switch {
	case s.name == "":
		return s.want
	case s.want == "":
		return "{" + s.name + "}"
	default:
		return "{" + s.name + "=" + s.want + "}"
	}
}
