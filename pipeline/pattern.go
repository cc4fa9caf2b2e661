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

var variable = regexp.MustCompile(`^\{[a-z][a-z0-9_]*\}$`)

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

// Pattern is a path in which whole segments may be variables: "live/{name}". It
// is the address of a definition; the zero Pattern matches nothing.
type Pattern struct {
	text string
	segs []string
}

// ParsePattern checks and parses a pattern.
func ParsePattern(text string) (Pattern, error) {
	segs := strings.Split(text, "/")
	if len(segs) > maxSegments {
		return Pattern{}, fmt.Errorf("a path has at most %d segments", maxSegments)
	}
	var seen []string
	for _, s := range segs {
		switch {
		case variable.MatchString(s):
			if slices.Contains(seen, s) {
				return Pattern{}, fmt.Errorf("%s stands twice in %q", s, text)
			}
			seen = append(seen, s)
		case !validSegment(s):
			return Pattern{}, fmt.Errorf("%q is neither a {variable} nor a name of 1 to 64 letters, digits or . _ ~ -", s)
		}
	}
	return Pattern{text: text, segs: segs}, nil
}

// String is the pattern as it was parsed.
func (p Pattern) String() string { return p.text }

// Static says whether the pattern has no variables and so is a path itself.
func (p Pattern) Static() bool { return !slices.ContainsFunc(p.segs, isVariable) }

// Vars lists the variables' names in order.
func (p Pattern) Vars() []string {
	var vs []string
	for _, s := range p.segs {
		if isVariable(s) {
			vs = append(vs, s[1:len(s)-1])
		}
	}
	return vs
}

// Match says whether path is an instance of the pattern, and with which values.
// A path that ValidPath refuses never matches.
func (p Pattern) Match(path string) (map[string]string, bool) {
	segs := strings.Split(path, "/")
	if len(segs) != len(p.segs) || ValidPath(path) != nil {
		return nil, false
	}
	vars := make(map[string]string)
	for i, s := range p.segs {
		switch {
		case isVariable(s):
			vars[s[1:len(s)-1]] = segs[i]
		case s != segs[i]:
			return nil, false
		}
	}
	return vars, true
}

// Compare orders patterns from the most specific to the least: of two patterns
// that match a path, the one that names more leading segments comes first.
func (p Pattern) Compare(q Pattern) int {
	for i := range min(len(p.segs), len(q.segs)) {
		pv, qv := isVariable(p.segs[i]), isVariable(q.segs[i])
		if pv != qv {
			if qv {
				return -1
			}
			return 1
		}
	}
	return strings.Compare(p.text, q.text)
}

func isVariable(seg string) bool { return strings.HasPrefix(seg, "{") }
