package mixer

import (
	"time"

	"weir/pipeline"
	"weir/pipeline/platform/lint"
	"weir/transcode/worker"
)

// Status is what a mixer shows.
type Status struct {
	// Layout is the layout or scene in force.
	Layout string `json:"layout"`
	// Layouts are all that it could be, Scenes those of the user's own.
	Layouts []string         `json:"layouts"`
	Scenes  map[string]Scene `json:"scenes,omitempty"`
	// Speaker is the participant who spoke last, "" if nobody has.
	Speaker string `json:"speaker,omitempty"`
	// Participants are all, in order.
	Participants []ParticipantStatus `json:"participants"`
	// Worker is nil before the first input is there.
	Worker *worker.Status `json:"worker,omitempty"`
}

// ParticipantStatus is what is shown of a participant.
type ParticipantStatus struct {
	Name string `json:"name"`
	// State is "shown", "stalled", "absent" without pictures for long or ever,
	// "heard" if it has none, or "waiting" for a place.
	State string  `json:"state"`
	Gain  float64 `json:"gain,omitempty"` // in dB
	Mute  bool    `json:"mute,omitempty"`
	Label string  `json:"label,omitempty"`
	// Findings are the rules of package lint that its sound breaks.
	Findings []pipeline.Finding `json:"findings,omitempty"`
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Layout: s.config.Layout, Layouts: s.config.layouts(), Scenes: s.config.Scenes, Speaker: s.cast.floor.who, Participants: []ParticipantStatus{}}
	now, places := time.Now(), len(s.cast.admitted())
	for _, people := range s.cast.people {
		for _, p := range people {
			in := s.config.Inputs[p.input]
			state := p.state(now)
			if len(st.Participants) >= places {
				state = "waiting"
			}
			st.Participants = append(st.Participants, ParticipantStatus{
				Name: p.name, State: state, Gain: in.Gain, Mute: in.Mute, Label: s.config.label(p), Findings: lint.Clipping(p.clipped),
			})
		}
	}
	if s.work != nil {
		w := s.work.Status()
		st.Worker = &w
	}
	return st
}

func (p *participant) state(now time.Time) string {
	switch p.presence(now) {
	case present:
		return "shown"
	case stalled:
		return "stalled"
	case absent:
	}
	if p.video == nil {
		return "heard"
	}
	return "absent"
}
