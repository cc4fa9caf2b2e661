package mixer

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is that of a canvas in pixels, written as "1280x720".
type Size struct{ Width, Height int }

// String is "1280x720".
func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of String.
func (s *Size) UnmarshalText(text []byte) error {
	w, h, ok := strings.Cut(string(text), "x")
	width, errW := strconv.ParseUint(w, 10, 16)
	height, errH := strconv.ParseUint(h, 10, 16)
	if !ok || errW != nil || errH != nil {
		return fmt.Errorf("%q is no size such as 1280x720", text)
	}
	*s = Size{int(width), int(height)}
	return nil
}

// The least and the most that a canvas has in one direction.
const (
	leastSide = 128
	mostSide  = 3840
)

// possible says whether a canvas can be so.
func (s Size) possible() bool {
	for _, side := range []int{s.Width, s.Height} {
		if side < leastSide || side > mostSide || side%2 != 0 {
			return false
		}
	}
	return true
}
