package reception

import (
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/media"
)

// Standing is what a stage shows of whom it hears.
type Standing struct {
	// State is "waiting" or "publishing".
	State string `json:"state"`
	// Since is when the state began.
	Since time.Time `json:"since"`
	// Remote is where the publisher, or its signalling, comes from; Encoder is what it
	// calls itself. Both are the last one's while waiting.
	Remote  string `json:"remote,omitempty"`
	Encoder string `json:"encoder,omitempty"`
	// Codecs are the tracks' codecs, by track.
	Codecs map[media.TrackID]string `json:"codecs,omitempty"`
	// Sessions counts publishers since the stage started, Takeovers those that took
	// the place of another one.
	Sessions  int `json:"sessions"`
	Takeovers int `json:"takeovers"`
	// Jumps counts the steps of publishers' clocks at which the timeline began anew.
	Jumps uint64 `json:"jumps"`
}

// Ledger keeps a Standing. The zero Ledger is ready to use, by any goroutine.
type Ledger struct {
	mu  sync.Mutex // guards now
	now Standing
}

func (l *Ledger) change(how func(*Standing)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	how(&l.now)
}

// Waiting says that nobody is heard.
func (l *Ledger) Waiting() {
	l.change(func(s *Standing) { s.State, s.Since = "waiting", time.Now() })
}

// Publishing says who is heard from now on.
func (l *Ledger) Publishing(remote, encoder string) {
	l.change(func(s *Standing) {
		s.State, s.Since = "publishing", time.Now()
		s.Remote, s.Encoder = remote, access.Printable(encoder)
		s.Sessions++
	})
}

// CallsItself notes a better name for the encoder, if there is one.
func (l *Ledger) CallsItself(encoder string) {
	if encoder = access.Printable(encoder); encoder != "" {
		l.change(func(s *Standing) { s.Encoder = encoder })
	}
}

// TakenOver counts a publisher who takes another one's place.
func (l *Ledger) TakenOver() { l.change(func(s *Standing) { s.Takeovers++ }) }

// Tracks says what comes. The map is the ledger's from now on.
func (l *Ledger) Tracks(codecs map[media.TrackID]string) {
	l.change(func(s *Standing) { s.Codecs = codecs })
}

// Jumped says how often the timeline has begun anew.
func (l *Ledger) Jumped(times uint64) { l.change(func(s *Standing) { s.Jumps = times }) }

// Standing is a copy, but for the map, which nobody changes.
func (l *Ledger) Standing() Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

const jumpsTotal = "input_timestamp_jumps_total"

// Metrics are those that a Ledger has figures for.
func Metrics() []pipeline.Metric {
	return []pipeline.Metric{{Name: jumpsTotal, Help: "Steps of the publishers' clocks at which the timeline began anew.", Counter: true}}
}

// Measure implements pipeline.Measurer.
func (l *Ledger) Measure() []pipeline.Figure {
	return []pipeline.Figure{{Name: jumpsTotal, Value: float64(l.Standing().Jumps)}}
}

var _ pipeline.Measurer = (*Ledger)(nil)
