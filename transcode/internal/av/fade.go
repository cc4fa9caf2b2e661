//go:build libav && cgo

package av

import "weir/pipeline/media"

// fade is the way from one scene to the next.
type fade struct {
	version  uint64 // of the scene that is gone to
	from, to []element
	start    media.Ticks
	length   media.Ticks
	seen     []element // last
	on       bool      // it is not over
}

// at is what is seen of a setting at a time.
func (f *fade) at(s *setting, pts media.Ticks) []element {
	if s.version != f.version {
		f.version, f.from, f.to = s.version, f.seen, s.elements
		f.start, f.length = pts, s.fade
	}
	f.seen = f.to
	gone := pts - f.start
	if f.on = gone < f.length; f.on {
		f.seen = between(f.from, f.to, float64(gone)/float64(f.length))
	}
	return f.seen
}
