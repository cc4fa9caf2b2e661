package whip

import (
	"sync"
	"time"

	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc"
)

// Status is what the stage shows.
type Status struct {
	// State is "waiting" or "publishing".
	State string `json:"state"`
	// Since is when the state began.
	Since time.Time `json:"since"`
	// Remote is where the publisher's signalling came from, Encoder what it calls
	// itself. Both are the last one's while waiting.
	Remote  string `json:"remote,omitempty"`
	Encoder string `json:"encoder,omitempty"`
	// Codecs are the tracks' codecs, Layers the names of the video's layers.
	Codecs map[media.TrackID]string `json:"codecs,omitempty"`
	Layers []string                 `json:"layers,omitempty"`
	// Sessions counts publishers since the stage started, Takeovers those that took
	// the place of another one.
	Sessions  int `json:"sessions"`
	Takeovers int `json:"takeovers"`
	// Jumps counts the steps of publishers' clocks at which the timeline began anew.
	Jumps uint64 `json:"jumps"`
	// Streams is what became of the present publisher's packets.
	Streams []rtc.StreamStats `json:"streams,omitempty"`
}

// status is the present Status.
type status struct {
	mu  sync.Mutex // guards now
	now Status
}

func (s *status) waiting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.State, s.now.Since = "waiting", time.Now()
}

func (s *status) publishing(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.State, s.now.Since = "publishing", time.Now()
	s.now.Remote, s.now.Encoder = p.From.String(), access.Printable(p.Agent)
	s.now.Sessions++
}

func (s *status) takenOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Takeovers++
}

func (s *status) tracks(tracks []*media.Track) {
	codecs := make(map[media.TrackID]string, len(tracks))
	var layers []string
	for _, t := range tracks {
		codecs[t.ID] = t.Codec.String()
		if len(t.Layers) > 1 {
			for _, l := range t.Layers {
				layers = append(layers, l.Name)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Codecs, s.now.Layers = codecs, layers // never changed afterwards
}

func (s *status) jumps(n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Jumps = n
}

func (s *status) snapshot() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}
