package spool

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Manifest describes a recording that has ended; it is what manifest.json holds. It is
// written last, so all that it lists is there.
type Manifest struct {
	Version int `json:"version"`
	Recording
	Ended    time.Time `json:"ended"`
	Reason   string    `json:"reason"`
	Seconds  float64   `json:"duration_seconds"`
	Bytes    int64     `json:"bytes"`
	Inits    []Init    `json:"inits"`
	Segments []Segment `json:"segments"`
	Events   []Event   `json:"events"`
}

// manifest makes one of what is in the store.
func (l *ledger) manifest(segments []Segment) *Manifest {
	m := &Manifest{
		Version: 1, Recording: l.recording, Ended: l.end.At, Reason: l.end.Reason,
		Inits: l.inits, Segments: segments, Events: append(slices.Clone(l.events), *l.end),
	}
	last := -1
	for _, s := range segments {
		m.Bytes += s.Bytes
		if s.Number != last {
			m.Seconds += s.Seconds
			last = s.Number
		}
	}
	return m
}

func (m *Manifest) encode() []byte { return encode(m) }

func encode(v any) []byte {
	b, _ := json.MarshalIndent(v, "", " ") // it has nothing that JSON has not
	return append(b, '\n')
}

// started is the event with which a recording begins.
func (l *ledger) started() []byte {
	return encode(map[string]any{"type": "recording.started", "timestamp": l.recording.Started, "data": l.recording})
}

// ended is the event with which it ends.
func (m *Manifest) ended() []byte {
	return encode(map[string]any{"type": "recording.completed", "timestamp": m.Ended, "data": map[string]any{
		"session": m.Session, "pipeline": m.Pipeline, "stage": m.Stage, "prefix": m.Prefix,
		"started": m.Started, "ended": m.Ended, "reason": m.Reason, "duration_seconds": m.Seconds, "bytes": m.Bytes,
	}})
}

// maxManifest bounds a manifest, in bytes.
const maxManifest = 128 << 20

// ReadManifest reads a manifest from any source.
func ReadManifest(r io.Reader) (*Manifest, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	var m Manifest
	switch err := json.Unmarshal(b, &m); {
	case len(b) > maxManifest:
		return nil, fmt.Errorf("the manifest has more than %d bytes", maxManifest)
	case err != nil:
		return nil, fmt.Errorf("the manifest is no JSON: %w", err)
	case m.Version != 1:
		return nil, fmt.Errorf("the manifest has version %d; this weir reads 1", m.Version)
	}
	for i := range m.Inits {
		if err := (&Entry{Init: &m.Inits[i]}).check(); err != nil {
			return nil, fmt.Errorf("the manifest is damaged: %w", err)
		}
	}
	for i := range m.Segments {
		if err := (&Entry{Segment: &m.Segments[i]}).check(); err != nil {
			return nil, fmt.Errorf("the manifest is damaged: %w", err)
		}
	}
	return &m, nil
}
