package ring

import (
	"errors"
	"fmt"
)

// Policy says what happens to a cursor that falls behind by more than its bounds.
type Policy uint8

// The overrun policies.
const (
	// DropGOP skips to the newest key unit within the bounds and continues there.
	// If none is held it skips to the newest item, lets audio through at once, and
	// holds each video layer back until its next key unit, which it asks for.
	DropGOP Policy = iota
	// DropOldest skips the older half of what the bounds allow, whatever it is.
	DropOldest
	// Fail makes Next return ErrOverrun.
	Fail
	// Block makes the writer wait. Not for live sources.
	Block
)

// ErrOverrun is what a cursor with the policy Fail returns when it is too slow.
var ErrOverrun = errors.New("the reader is too slow for its queue")

// String is the word that YAML uses.
func (p Policy) String() string {
	switch p {
	case DropGOP:
		return "drop_gop"
	case DropOldest:
		return "drop_oldest"
	case Fail:
		return "fail"
	case Block:
		return "block"
	default:
		return "unknown"
	}
}

// ParsePolicy is the inverse of String; "" is DropGOP.
func ParsePolicy(s string) (Policy, error) {
	switch s {
	case "", "drop_gop":
		return DropGOP, nil
	case "drop_oldest":
		return DropOldest, nil
	case "fail":
		return Fail, nil
	case "block":
		return Block, nil
	default:
		return 0, fmt.Errorf("%q is none of drop_gop, drop_oldest, fail, block", s)
	}
}
