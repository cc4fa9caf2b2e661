package spool

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"weir/pipeline/service/store"
)

// Entry is a line of a journal: one of its fields is set.
type Entry struct {
	Recording *Recording `json:"recording,omitempty"`
	Init      *Init      `json:"init,omitempty"`
	// Begin is a segment before it is written: without length, size and sum.
	Begin   *Segment `json:"begin,omitempty"`
	Segment *Segment `json:"segment,omitempty"`
	Event   *Event   `json:"event,omitempty"`
	End     *Event   `json:"end,omitempty"`
}

// Recording is what a journal begins with.
type Recording struct {
	Session  string `json:"session"` // a ULID
	Pipeline string `json:"pipeline"`
	Stage    string `json:"stage"`
	// Prefix is where in the store everything of the recording is.
	Prefix string `json:"prefix"`
	// Started is the wall clock of the first picture.
	Started time.Time `json:"started"`
	// Longest is the most that a segment may last, in seconds.
	Longest float64 `json:"longest_segment_seconds"`
	// Export is what is made of it once it is complete: mp4, or nothing.
	Export string `json:"export,omitempty"`
}

// Init is an initialisation section of a rendition.
type Init struct {
	URI       string   `json:"uri"` // below media/
	Rendition string   `json:"rendition"`
	Tracks    []Track  `json:"tracks"`
	Bytes     int64    `json:"bytes"`
	SHA256    string   `json:"sha256"`
	Codecs    []string `json:"codecs,omitempty"` // RFC 6381
}

// Track is one that is in a rendition; its number in the files is its place in the list.
type Track struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Codec    string `json:"codec"`
	Rate     uint32 `json:"rate"` // ticks a second
	Layer    string `json:"layer,omitempty"`
	Language string `json:"language,omitempty"`
	Width    int    `json:"width,omitempty"`
	Height   int    `json:"height,omitempty"`
	Channels int    `json:"channels,omitempty"`
}

// Segment is a file of a rendition. Those with the same number belong together.
type Segment struct {
	URI           string    `json:"uri"` // below media/
	Rendition     string    `json:"rendition"`
	Number        int       `json:"seq"`
	Init          string    `json:"init"` // the URI of its initialisation section
	Start         time.Time `json:"start"`
	Seconds       float64   `json:"dur"`
	Bytes         int64     `json:"bytes"`
	SHA256        string    `json:"sha256"`
	Discontinuity bool      `json:"discontinuity,omitempty"`
	// Suspect says that the disk reported an error for it.
	Suspect bool `json:"suspect,omitempty"`
	// Missing says why it is not in the store.
	Missing string `json:"missing,omitempty"`
}

// Event is something that happened to a recording.
type Event struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Reason string    `json:"reason,omitempty"`
}

// Bounds of what is read.
const (
	maxLine  = 64 << 10
	maxLines = 1 << 18
)

var errJournal = errors.New("the journal is not one of Weir's")

// parse reads the whole lines of b, and returns how many bytes they are. A line that was
// not written to its end is left alone.
func parse(b []byte, found func(Entry)) (int, error) {
	n := 0
	for lines := 0; ; lines++ {
		end := bytes.IndexByte(b[n:], '\n')
		switch {
		case end > maxLine || lines > maxLines:
			return n, errJournal
		case end < 0:
			return n, nil
		}
		var e Entry
		if err := json.Unmarshal(b[n:n+end], &e); err != nil {
			return n, fmt.Errorf("%w: line %d: %w", errJournal, lines+1, err)
		}
		if err := e.check(); err != nil {
			return n, fmt.Errorf("%w: line %d: %w", errJournal, lines+1, err)
		}
		found(e)
		n += end + 1
	}
}

// check makes sure that names stay where they belong.
func (e *Entry) check() error {
	for _, s := range []*Segment{e.Begin, e.Segment} {
		if s != nil && (!validURI(s.URI) || !validURI(s.Init) || s.Number < 0 || s.Seconds < 0 || s.Bytes < 0) {
			return fmt.Errorf("segment %q", s.URI)
		}
	}
	if e.Segment != nil && !validSum(e.Segment.SHA256) {
		return fmt.Errorf("segment %q has no sum", e.Segment.URI)
	}
	if i := e.Init; i != nil && (!validURI(i.URI) || !validSum(i.SHA256) || len(i.Tracks) == 0) {
		return fmt.Errorf("section %q", i.URI)
	}
	if r := e.Recording; r != nil && (!store.ValidKey(r.Prefix) || r.Longest < 0) {
		return fmt.Errorf("prefix %q", r.Prefix)
	}
	return nil
}

// validURI is rendition/name.
func validURI(uri string) bool {
	return store.ValidKey(uri) && strings.Count(uri, "/") == 1 && !strings.Contains(uri, separator)
}

func validSum(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

// separator stands for the slash of a URI in the name of a file.
const separator = "!"

func fileOf(uri string) string { return strings.ReplaceAll(uri, "/", separator) }
