package whep

import "sync"

// registry knows the house of each path.
type registry struct {
	mu      sync.Mutex // guards what follows
	houses  map[string]*house
	changed chan struct{} // closed when a path gets another house
}

func newRegistry() *registry {
	return &registry{houses: make(map[string]*house), changed: make(chan struct{})}
}

// find is the house at path, or nil, and a channel that is closed when that may have
// changed.
func (g *registry) find(path string) (*house, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.houses[path], g.changed
}

func (g *registry) open(path string, h *house) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.houses[path] = h
	close(g.changed)
	g.changed = make(chan struct{})
}

// close takes a house away, unless another one has its place.
func (g *registry) close(path string, h *house) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.houses[path] == h {
		delete(g.houses, path)
	}
}
