package book

import (
	"errors"
	"path"
	"slices"
)

// All is the pattern of all streams.
const All = "**"

// Matches says whether one of the patterns is for a stream: each is a path as it is, or
// has the wildcards of package path, of which none crosses a slash, or is [All].
// Upper and lower case differ.
func Matches(patterns []string, stream string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, stream)
		return p == All || ok && err == nil
	})
}

// CheckPattern says what is wrong with a pattern.
func CheckPattern(p string) error {
	const longest = 260 // a path of the longest segments
	if _, err := path.Match(p, ""); err != nil || p == "" || len(p) > longest {
		return errors.New("a stream is named by its path, live/studio, or by a pattern, live/*; ** is all streams")
	}
	return nil
}
