//go:build libav && cgo

package av

import (
	"fmt"
	"time"
)

// strain decides what of a ladder is left out when there is no time for all of it:
// first the top layer, then every second picture of the others, then more. Key units
// are always made, so that the layers stay in step and nobody has to change to another
// at once. Sound has a lane of its own, and none of this.
type strain struct {
	layers int

	level    int
	moved    time.Time     // when level changed
	eased    bool          // and it was downwards
	calm     time.Time     // since when there is time; zero if there is none
	patience time.Duration // how long there must be time before more is made again
	pictures int64
}

// What is late by tooLate when it is decoded shows that there is no time. There is again
// when it is less than soonAgain. The former leaves room for two steps before pictures
// wait for a second.
const (
	tooLate   = 400 * time.Millisecond
	soonAgain = 150 * time.Millisecond
	// stepEvery is how long a step has to take effect.
	stepEvery = 300 * time.Millisecond
	// Whoever did too much within relapse of doing more waits twice as long next time.
	relapse       = 10 * time.Second
	firstPatience = 3 * time.Second
	lastPatience  = time.Minute
)

// feel takes notice of how late a picture is. It is true if more or less is left out
// from now on.
func (s *strain) feel(late time.Duration, now time.Time) bool {
	s.pictures++
	switch {
	case late > tooLate:
		s.calm = time.Time{}
		if s.level == s.most() || now.Sub(s.moved) < stepEvery {
			return false
		}
		if s.moved.IsZero() || now.Sub(s.moved) > lastPatience {
			s.patience = firstPatience
		} else if s.eased && now.Sub(s.moved) < relapse {
			s.patience = min(2*s.patience, lastPatience)
		}
		return s.move(s.level+1, now)
	case s.level == 0 || late > soonAgain:
		s.calm = time.Time{}
	case s.calm.IsZero():
		s.calm = now
	case now.Sub(s.calm) > s.patience:
		s.calm = now
		return s.move(s.level-1, now)
	}
	return false
}

func (s *strain) move(to int, now time.Time) bool {
	s.level, s.moved, s.eased = to, now, to < s.level
	return true
}

// most is the last level: an eighth of the pictures.
func (s *strain) most() int {
	if s.layers > 1 {
		return 4
	}
	return 3
}

// share says that one of so many pictures is made, and whether the top layer is.
func (s *strain) share() (oneOf int64, top bool) {
	if s.layers > 1 {
		return 1 << max(0, s.level-1), s.level == 0
	}
	return 1 << s.level, true
}

// leavesOut says whether a layer, 0 being the top, goes without the present picture.
func (s *strain) leavesOut(rank int) bool {
	oneOf, top := s.share()
	return rank == 0 && !top || s.pictures%oneOf != 0
}

// String says in words what is left out; "" is nothing.
func (s *strain) String() string {
	switch oneOf, top := s.share(); {
	case top && oneOf == 1:
		return ""
	case oneOf == 1:
		return "the top layer"
	case top:
		return fmt.Sprintf("all but one of %d pictures", oneOf)
	default:
		return fmt.Sprintf("the top layer, and all but one of %d pictures", oneOf)
	}
}
