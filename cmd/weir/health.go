package main

import (
	"errors"
	"time"

	"weir/control"
	"weir/pipeline/instance"
)

// health adds what orchestrators ask.
func (s *server) health() {
	h := s.services.http
	h.Handle("/livez", control.Live())
	h.Handle("/startupz", control.Started(s.applied.Load))
	h.Handle("/readyz", control.Ready(s.notes,
		control.Check{Name: "configuration", Ask: func() error {
			if !s.applied.Load() {
				return errors.New("not applied yet")
			}
			return nil
		}},
		control.Check{Name: "streams", Ask: func() error {
			if s.host.Draining() {
				return instance.ErrDraining
			}
			return nil
		}},
		control.Check{Name: "descriptors", Ask: func() error {
			if s.services.rtmp.Stats().Paused {
				return errors.New("no descriptors left: raise the limit on open files (ulimit -n)")
			}
			return nil
		}},
	))
}

// notes are what somebody should look at, although the server does its work.
func (s *server) notes() (notes []string) {
	if note := certificateNote(s.cert, time.Now()); note != "" {
		notes = append(notes, note)
	}
	for _, l := range s.limits() {
		if l.max > 0 && l.current >= 0.9*l.max {
			notes = append(notes, l.nearly())
		}
	}
	return notes
}
