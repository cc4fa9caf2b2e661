package worker

import "weir/pipeline/media"

// ConverterStatus is what a Converter shows.
type ConverterStatus struct {
	// Passed and Converted are the tracks that pass and that go through the worker.
	Passed    []media.TrackID `json:"passed"`
	Converted []media.TrackID `json:"converted"`
	// Worker is nil if there is none, since nobody needs one.
	Worker *Status `json:"worker,omitempty"`
}

// Status shows the converter as it is now.
func (c *Converter) Status() ConverterStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := ConverterStatus{Passed: []media.TrackID{}, Converted: []media.TrackID{}}
	for _, l := range c.lanes {
		if l.needs {
			s.Converted = append(s.Converted, l.in.ID)
		} else {
			s.Passed = append(s.Passed, l.in.ID)
		}
	}
	if c.work != nil {
		st := c.work.Session.Status()
		s.Worker = &st
	}
	return s
}
