package main

import (
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"weir/pipeline/service/store"
	"weir/record"
)

// stores are all that was ever recorded to, by their addresses, so that recordings are
// found when no stage names their store any more. An address has no credentials: what is
// in a bucket can be reached again when a stage names it.
type stores struct {
	notes notes
	log   *slog.Logger

	mu   sync.Mutex // guards what follows
	all  []string
	lost []string
}

// maxStores bounds how many are remembered; the oldest are forgotten.
const maxStores = 64

func newStores(file string, log *slog.Logger) *stores {
	s := &stores{notes: notes{file}, log: log}
	all, err := s.notes.read()
	if err != nil {
		log.Warn("recordings are listed of stores that stages name, and of no others", "error", err)
	}
	s.all = all
	return s
}

// shelves are those that are recorded to now, and the others that can be reached.
func (s *stores) shelves(now []record.Shelf) []record.Shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := func(address string) bool {
		return slices.ContainsFunc(now, func(sh record.Shelf) bool { return sh.Address == address })
	}
	known := len(s.all)
	for _, sh := range now {
		if !slices.Contains(s.all, sh.Address) {
			s.all = append(s.all, sh.Address)
		}
	}
	if len(s.all) > known {
		s.all = s.all[max(0, len(s.all)-maxStores):]
		if err := s.notes.write(s.all); err != nil {
			s.log.Warn("a store of recordings would be forgotten by a restart", "error", err)
		}
	}
	usual := store.Place{Dir: defaultStore}
	var lost []string
	for _, address := range append([]string{usual.Address()}, s.all...) {
		dir, local := strings.CutPrefix(address, "dir ")
		switch {
		case is(address):
		case !local:
			lost = append(lost, address)
		default:
			place := store.Place{Dir: dir}
			if _, err := os.Stat(dir); err != nil {
				continue // nothing was ever put there, or it is gone
			}
			if opened, err := place.Open(); err == nil {
				now = append(now, record.Shelf{Address: address, Store: opened})
			}
		}
	}
	for _, address := range lost {
		if !slices.Contains(s.lost, address) {
			s.log.Warn("no stage names a store any more, and so its recordings are not listed", "store", address)
		}
	}
	s.lost = lost
	return now
}

// unreachable are those that no stage names and that need credentials.
func (s *stores) unreachable() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}
