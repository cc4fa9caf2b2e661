package rtmp

import (
	"maps"
	"sync"
	"time"
)

// State is what a target is doing.
type State string

// The states of a target.
const (
	Idle       State = "idle" // a stand-by that is not needed, or nothing to send yet
	Connecting State = "connecting"
	Live       State = "live"
	Stalled    State = "stalled" // connected, and nothing arrives
	Backoff    State = "backoff"
	Failed     State = "failed" // it will be tried again, seldom: somebody must do something
	Ended      State = "ended"
)

// TargetStatus is what the stage shows of a target.
type TargetStatus struct {
	Role string `json:"role"` // primary or backup
	Host string `json:"host"`
	// State has been what it is since Since. Reason is one of a few words, Message a
	// sentence: why the target is not live, or was not the last time.
	State   State     `json:"state"`
	Since   time.Time `json:"since"`
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	// RetryAt is when it is tried again.
	RetryAt *time.Time `json:"retry_at,omitempty"`
	// Sessions counts accepted publishes, Lost by reason those and attempts that ended.
	Sessions uint64            `json:"sessions"`
	Lost     map[string]uint64 `json:"lost,omitempty"`
	// Bytes were handed to the system in all sessions, Bitrate in the last second or
	// so, in bit/s.
	Bytes   uint64 `json:"bytes"`
	Bitrate int64  `json:"bitrate"`
	// Delay is how long the oldest unit has waited, in seconds. DroppedVideo and
	// DroppedAudio count units that were left out because the target was slow or away, and
	// LostSeconds how much of the stream is missing between what it got.
	Delay        float64 `json:"delay_seconds"`
	LostSeconds  float64 `json:"lost_seconds"`
	DroppedVideo uint64  `json:"dropped_video"`
	DroppedAudio uint64  `json:"dropped_audio"`
}

// status is the present TargetStatus.
type status struct {
	tell func(kind string, data any) // makes a change known; may be nil

	mu   sync.Mutex // guards what follows
	now  TargetStatus
	up   time.Time // when it was last live, or first tried
	told heard
}

// heard is what others know of a target.
type heard struct {
	kind, reason string
	final        bool
}

// Change is what is told of a target whose state is another one.
type Change struct {
	Role    string     `json:"role"`
	Host    string     `json:"host"`
	State   State      `json:"state"`
	Reason  string     `json:"reason,omitempty"`
	Message string     `json:"message,omitempty"`
	RetryAt *time.Time `json:"retry_at,omitempty"`
}

// share tells of the present state, unless that says nothing new: a target that fails
// for the same reason again and again is told of once. The caller holds mu.
func (s *status) share(kind string) {
	h := heard{kind, s.now.Reason, s.now.State == Failed}
	if s.tell == nil || h == s.told {
		return
	}
	s.told = h
	n := &s.now
	s.tell(kind, Change{n.Role, n.Host, n.State, n.Reason, n.Message, n.RetryAt})
}

func (s *status) enter(state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.State != state {
		s.now.State, s.now.Since = state, time.Now()
	}
	if s.up.IsZero() && state == Connecting || state == Live {
		s.up = time.Now()
	}
	s.now.RetryAt = nil
	switch state { // the others are told of by fall, or are nobody's concern
	case Live:
		s.now.Reason, s.now.Message = "", ""
		s.share("output.live")
	case Stalled:
		s.share("output.stalled")
	default:
	}
}

// fall notes why a target is not live any more, and when it is tried again.
func (s *status) fall(f fault, wait time.Duration) {
	s.enter(Backoff)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Permanent {
		s.now.State = Failed
	}
	at := time.Now().Add(wait)
	s.now.Reason, s.now.Message, s.now.RetryAt, s.now.Bitrate = f.Reason, f.Message, &at, 0
	lost := maps.Clone(s.now.Lost)
	if lost == nil {
		lost = make(map[string]uint64)
	}
	lost[f.Reason]++
	s.now.Lost = lost // never changed afterwards
	s.share("output.failed")
}

// down is since when it has not been live.
func (s *status) down() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up
}

func (s *status) accepted() {
	s.enter(Live)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Sessions++
}

func (s *status) sent(bytes uint64, in time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Bytes += bytes
	s.now.Bitrate = int64(float64(bytes) * 8 / in.Seconds())
}

func (s *status) snapshot() TargetStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}
