package pipeline

import "time"

// Reporter is a Stage that says how it fares, in words that are the same for all kinds
// of stages. Report is called as Describe is.
type Reporter interface {
	Report() Report
}

// Report is how a stage fares. It belongs to whoever asked, but for what it points to,
// which nobody changes.
type Report struct {
	// State is a word for what the stage does: live, stalled, recording, paused. Reason
	// is one of a few words that say why it is not the best of them, Message the
	// sentence to it. A stage that has nothing to add to its [State] leaves it empty.
	State, Reason, Message string
	// Findings are what is wrong with the stream, in the eyes of whom it is for.
	Findings []Finding
}

// Severity is how much a finding matters.
type Severity string

// The severities.
const (
	// Wrong: the stream is refused, or shown badly.
	Wrong Severity = "error"
	// Doubtful: it may be.
	Doubtful Severity = "warning"
)

// Finding is one rule that a stream breaks.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity" enum:"warning,error"`
	// Message is a sentence about what is wrong, Fix one about what to do.
	Message string `json:"message"`
	Fix     string `json:"fix" doc:"What to do."`
}

// Milestone is something that has happened to a stream and that somebody may wait for:
// it begins, a target is live, a recording is complete.
type Milestone struct {
	// Type is what it happened to and what happened: "recording.completed".
	Type string
	// Stream and Stage are where; Stage may be "".
	Stream, Stage string
	At            time.Time
	// Data is for encoding/json, and never changed; may be nil. It has no secrets.
	Data any
}

// Herald is told of milestones, by any goroutine, and keeps none waiting.
type Herald func(Milestone)

// Tell tells the herald, if there is one, what has just happened.
func (h Herald) Tell(kind, stream, stage string, data any) {
	if h != nil {
		h(Milestone{Type: kind, Stream: stream, Stage: stage, At: time.Now().UTC(), Data: data})
	}
}

// Tell makes known what has just happened to the stage: see [Milestone].
func (e Env) Tell(kind string, data any) { e.Herald.Tell(kind, e.Pipeline, e.Stage, data) }
