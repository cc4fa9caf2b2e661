//go:build libav && cgo

package av

import "github.com/asticode/go-astiav"

// shot is a picture of an input. What it refers to is its own, to be freed once.
type shot struct {
	frame  *astiav.Frame // nil is none
	number uint64        // another for each
	stamp  stamp
	// ready is frame in a cut, where that was known when it was decoded; or nil.
	ready *astiav.Frame
	cut   cut
}

func (s *shot) free() {
	if s.frame != nil {
		s.frame.Free()
	}
	if s.ready != nil {
		s.ready.Free()
	}
	s.frame, s.ready = nil, nil
}
