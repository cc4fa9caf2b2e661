package hls

import (
	"sync"
	"time"
)

// registry knows the store of each path: the one that runs, or one whose stream
// has ended and that is served a little longer.
type registry struct {
	mu     sync.Mutex // guards stores
	stores map[string]*entry
	// changed is closed when a path gets another store.
	changed chan struct{}
}

type entry struct {
	store *store
	timer *time.Timer // removes the entry; nil while the stage runs
}

func newRegistry() *registry {
	return &registry{stores: make(map[string]*entry), changed: make(chan struct{})}
}

// find is the store at path, or nil, and a channel that is closed when that may
// have changed.
func (g *registry) find(path string) (*store, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.stores[path]; e != nil {
		return e.store, g.changed
	}
	return nil, g.changed
}

// open puts a new store, which make makes from the present one or from nil, in
// that one's place.
func (g *registry) open(path string, make func(prev *store) *store) *store {
	g.mu.Lock()
	defer g.mu.Unlock()
	var prev *store
	if e := g.stores[path]; e != nil {
		prev = e.store
		if e.timer != nil {
			e.timer.Stop()
		}
	}
	st := make(prev)
	g.put(path, &entry{store: st})
	if prev != nil {
		prev.retire()
		prev.yield(st)
	}
	return st
}

// leave lets a store linger and then go, unless another one has taken its place.
func (g *registry) leave(path string, st *store, linger time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.stores[path]
	if e == nil || e.store != st {
		return
	}
	e.timer = time.AfterFunc(linger, func() { g.remove(path, e) })
}

func (g *registry) remove(path string, e *entry) {
	g.mu.Lock()
	if g.stores[path] != e {
		g.mu.Unlock()
		return
	}
	g.put(path, nil)
	g.mu.Unlock()
	e.store.retire()
	e.store.yield(nil)
}

// put sets or deletes an entry. The caller holds g.mu.
func (g *registry) put(path string, e *entry) {
	if e == nil {
		delete(g.stores, path)
	} else {
		g.stores[path] = e
	}
	close(g.changed)
	g.changed = make(chan struct{})
}
