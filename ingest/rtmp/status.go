package rtmp

import (
	"sync"
	"time"

	"weir/pipeline/access"
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// Status is what the stage shows.
type Status struct {
	// State is "waiting" or "publishing".
	State string `json:"state"`
	// Since is when the state began.
	Since time.Time `json:"since"`
	// Remote is the publisher's address, Encoder what it calls itself. Both are
	// the last one's while waiting.
	Remote  string `json:"remote,omitempty"`
	Encoder string `json:"encoder,omitempty"`
	// Secure says whether it came by RTMPS.
	Secure bool `json:"secure"`
	// Codecs are the tracks' names by RFC 6381, by track.
	Codecs map[media.TrackID]string `json:"codecs,omitempty"`
	// Sessions counts publishers since the stage started, Takeovers those that took
	// the place of another one.
	Sessions  int `json:"sessions"`
	Takeovers int `json:"takeovers"`
	// Jumps counts the steps of publishers' clocks at which the timeline began anew.
	Jumps uint64 `json:"jumps"`
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

func (s *status) publishing(r rtmpd.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.State, s.now.Since = "publishing", time.Now()
	s.now.Remote, s.now.Encoder, s.now.Secure = r.Remote.String(), access.Printable(r.Encoder), r.Secure
	s.now.Sessions++
}

// encoder notes what the publisher's metadata calls it, which says more than the
// flashVer that most make up.
func (s *status) encoder(name string) {
	if name = access.Printable(name); name == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Encoder = name
}

func (s *status) takenOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Takeovers++
}

func (s *status) tracks(tracks []*media.Track) {
	codecs := make(map[media.TrackID]string, len(tracks))
	for _, t := range tracks {
		name, err := bitstream.CodecString(t, 0)
		if err != nil {
			name = t.Codec.String()
		}
		codecs[t.ID] = name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Codecs = codecs // never changed afterwards
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
