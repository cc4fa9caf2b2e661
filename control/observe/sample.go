package observe

import (
	"cmp"
	"slices"
	"time"

	"weir/pipeline/instance"
)

// Sample is what went on at one moment. It is never changed.
type Sample struct {
	At      time.Time
	streams []*view // by path
	memo
}

// view is a stream at one moment.
type view struct {
	Stream
	snap  *instance.Snapshot
	rates []rate // of snap.Edges
}

func (s *Sample) view(path string) *view {
	i, ok := slices.BinarySearchFunc(s.streams, path, func(v *view, path string) int { return cmp.Compare(v.Path, path) })
	if !ok {
		return nil
	}
	return s.streams[i]
}
