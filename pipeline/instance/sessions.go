package instance

import (
	"slices"
	"strings"

	"weir/pipeline"
)

// Session is a publisher or viewer of one of the streams.
type Session struct {
	Path string
	pipeline.StageSession
}

// Sessions lists whom the stages of the stream at path serve, or those of all streams,
// ordered by path, if path is "". It says whether the stream runs.
func (h *Host) Sessions(path string) ([]Session, bool) {
	found := h.find(path)
	all := []Session{}
	for _, i := range found {
		for _, s := range i.graph.Sessions() {
			all = append(all, Session{i.path, s})
		}
	}
	return all, len(found) > 0 || path == ""
}

// Dismiss ends a session of the stream at path, and tells the peer why if its protocol
// can. It says whether there was one of that ID.
func (h *Host) Dismiss(path, id, why string) bool {
	return slices.ContainsFunc(h.find(path), func(i *instance) bool { return i.graph.Dismiss(id, why) })
}

// find are the instances at path, or all of them if that is "", ordered by path.
func (h *Host) find(path string) []*instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []*instance
	for _, i := range h.instances {
		if path == "" || i.path == path {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b *instance) int { return strings.Compare(a.path, b.path) })
	return found
}
