package record

import (
	"time"

	"weir/pipeline"
)

// The states of a recording.
const (
	Recording = "recording"
	Waiting   = "waiting" // for a key frame, a disk or a track
	Paused    = "paused"  // the disk takes nothing
	Stopped   = "stopped" // it is not wanted
)

// Detail is what the API shows of a recording.
type Detail struct {
	// State is recording, waiting, paused or stopped; Reason says why it is not the first.
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`

	Session  string  `json:"session,omitempty"`
	Prefix   string  `json:"prefix,omitempty"`
	Seconds  float64 `json:"recorded_seconds"`
	Bytes    int64   `json:"bytes"`
	Segments int     `json:"segments"`
	Dropped  int     `json:"dropped_fragments"`
	// Lost is how much of the stream was in them.
	Lost float64 `json:"lost_seconds"`
	// Unflushed is how long the oldest fragment has waited for the disk.
	Unflushed float64 `json:"unflushed_seconds"`

	Upload Upstream `json:"upload"`
}

// Upstream is the way from the spool to the store, which recordings share.
type Upstream struct {
	// State is ok or waiting; Reason says what is waited for.
	State        string  `json:"state"`
	Reason       string  `json:"reason,omitempty"`
	BacklogBytes int64   `json:"backlog_bytes"`
	BacklogFiles int     `json:"backlog_files"`
	OldestAge    float64 `json:"oldest_age_seconds"`
	Uploaded     int64   `json:"uploaded_bytes"`
	Damaged      int     `json:"damaged_files,omitempty"`
	// Export says why what should be exported is not yet.
	Export string `json:"export_problem,omitempty"`
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any { return s.detail() }

// Report implements pipeline.Reporter.
func (s *stage) Report() pipeline.Report {
	state, why := s.state()
	r := pipeline.Report{State: state, Message: why}
	switch {
	case state == Paused:
		r.Reason = "disk"
	case state == Waiting && s.notes.why() != "":
		r.Reason = "not_begun"
	}
	return r
}

// state is what the recording does, and why it does not record.
func (s *stage) state() (state, why string) {
	if w := s.writer.Load(); w != nil {
		if why := w.Paused(); why != "" {
			return Paused, why
		}
		return Recording, ""
	}
	if why := s.wish.why(time.Now()); why != "" {
		return Stopped, why
	}
	if why := s.notes.why(); why != "" {
		return Waiting, why
	}
	return Waiting, "for a key frame"
}

func (s *stage) detail() Detail {
	d := Detail{Upload: Upstream{State: "ok"}}
	d.State, d.Reason = s.state()
	if w := s.writer.Load(); w != nil {
		stats := w.Stats()
		d.Session, d.Prefix, d.Seconds, d.Bytes = w.Meta().Session, w.Meta().Prefix, stats.Seconds, stats.Bytes
		d.Segments, d.Dropped, d.Lost, d.Unflushed = stats.Segments, stats.Dropped, stats.Lost, w.Unflushed().Seconds()
	}
	if box := s.box.Load(); box != nil {
		r := box.Report()
		d.Upload = Upstream{
			State: "ok", BacklogBytes: r.Backlog, BacklogFiles: r.BacklogFiles, OldestAge: since(r.Oldest),
			Uploaded: r.Uploaded, Damaged: r.Damaged, Export: r.ExportProblem,
		}
		if r.Problem != "" {
			d.Upload.State, d.Upload.Reason = "waiting", r.Problem
		}
	}
	return d
}
