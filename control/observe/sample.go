package observe

import (
	"cmp"
	"slices"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
)

// Sample is what went on at one moment. It is never changed.
type Sample struct {
	At      time.Time
	streams []*view // by path
	memo
}

// view is a stream at one moment.
type view struct {
	Stream
	snap  *instance.Snapshot
	rates []rate // of snap.Edges
}

// Stream is what is to be said of a stream in a line or two.
type Stream struct {
	Path     string    `json:"path"`
	Pipeline string    `json:"pipeline" doc:"The pattern of its pipeline."`
	State    string    `json:"state" enum:"running,lingering,draining"`
	Since    time.Time `json:"since"`
	Viewers  int       `json:"viewers"`
	Bitrate  int64     `json:"bitrate" doc:"What comes in, in bit/s."`
	// Summary says what comes in: "H.264 High 1080p30 + AAC 48 kHz"; "" until that is known.
	Summary string `json:"summary" example:"H.264 High 1080p30 + AAC 48 kHz"`
	// Verdict is the worst of what there is to say against the stream.
	Verdict   string        `json:"verdict" enum:"ok,warning,error"`
	Findings  []Finding     `json:"findings" nullable:"false"`
	Outputs   []OutputState `json:"outputs" nullable:"false"`
	Recording bool          `json:"recording"`
}

// Finding is something that is wrong with a stream. Target is the output that says so.
type Finding struct {
	pipeline.Finding
	Target string `json:"target,omitempty"`
}

// OutputState is a stage at which the stream leaves the server.
type OutputState struct {
	Name    string `json:"name"`
	Use     string `json:"use"`
	State   string `json:"state" example:"live"`
	Reason  string `json:"reason,omitempty" doc:"A word for programs: why it is not as it should be."`
	Message string `json:"message,omitempty"`
}

// The verdicts.
const (
	fine     = "ok"
	doubtful = "warning"
	wrong    = "error"
)

// Streams lists all streams by path. The list belongs to whoever asked.
func (s *Sample) Streams() []Stream {
	all := make([]Stream, len(s.streams))
	for i, v := range s.streams {
		all[i] = v.Stream
	}
	return all
}

// Stream is the stream at a path.
func (s *Sample) Stream(path string) (Stream, bool) {
	if v := s.view(path); v != nil {
		return v.Stream, true
	}
	return Stream{}, false
}

// Snapshot is the stream at a path as the runtime shows it; nil if there is none.
func (s *Sample) Snapshot(path string) *instance.Snapshot {
	if v := s.view(path); v != nil {
		return v.snap
	}
	return nil
}

func (s *Sample) view(path string) *view {
	i, ok := slices.BinarySearchFunc(s.streams, path, func(v *view, path string) int { return cmp.Compare(v.Path, path) })
	if !ok {
		return nil
	}
	return s.streams[i]
}

// stream sums a stream up.
func (w *watched) stream(snap *instance.Snapshot, now time.Time, bitrate int64) Stream {
	s := Stream{
		Path: snap.Path, Pipeline: snap.Pattern, State: snap.State.String(), Since: snap.Epoch.UTC(),
		Viewers: snap.Viewers, Bitrate: bitrate, Summary: w.summarize(snap, now), Verdict: fine,
	}
	findings, sinks := 0, 0
	for i := range snap.Stages {
		st := &snap.Stages[i]
		if findings += len(st.Report.Findings); st.Role == pipeline.Sink {
			sinks++
		}
	}
	s.Findings, s.Outputs = make([]Finding, 0, findings), make([]OutputState, 0, sinks)
	for i := range snap.Stages {
		st := &snap.Stages[i]
		for _, f := range st.Report.Findings {
			s.Findings = append(s.Findings, Finding{f, st.Name})
		}
		switch {
		case st.State == pipeline.Failed, st.State == pipeline.Waiting:
			s.Findings = append(s.Findings, failing(st))
		case st.State == pipeline.Running && st.Report.Reason != "":
			s.Findings = append(s.Findings, troubled(st))
		}
		if st.Role == pipeline.Sink {
			s.Outputs = append(s.Outputs, OutputOf(st))
			s.Recording = s.Recording || st.Report.State == recording
		}
	}
	for _, f := range s.Findings {
		if s.Verdict = doubtful; f.Severity == pipeline.Wrong {
			s.Verdict = wrong
			break
		}
	}
	return s
}

// What stages call their states when they record, and when they push.
const (
	recording = "recording"
	live      = "live"
)

// failing is what is wrong with a stage that does not run.
func failing(st *pipeline.StageSnapshot) Finding {
	f := pipeline.Finding{Rule: "stage_" + st.State.String(), Severity: pipeline.Wrong, Fix: "see to what the message says"}
	if st.State == pipeline.Waiting {
		f.Fix = "it is tried again by itself; see to what the message says"
	}
	f.Message = messageOf(st.Failure)
	return Finding{f, st.Name}
}

// troubled is what is wrong with a stage that runs and reports why it does not do what it
// is for; what it does all the same is only doubtful.
func troubled(st *pipeline.StageSnapshot) Finding {
	f := pipeline.Finding{Rule: "output_" + st.Report.Reason, Severity: pipeline.Wrong, Message: st.Report.Message, Fix: "see to what the message says"}
	if st.Report.State == live {
		f.Severity = pipeline.Doubtful
	}
	return Finding{f, st.Name}
}

// OutputOf is a sink as the list of outputs shows it.
func OutputOf(st *pipeline.StageSnapshot) OutputState {
	o := OutputState{Name: st.Name, Use: st.Use, State: st.State.String()}
	switch {
	case st.State == pipeline.Running && st.Report.State != "":
		o.State, o.Reason, o.Message = st.Report.State, st.Report.Reason, st.Report.Message
	case st.Failure != nil && st.State != pipeline.Running:
		o.Reason, o.Message = st.Failure.Kind.String(), messageOf(st.Failure)
	}
	return o
}

// messageOf is a failure in one line: what is behind the first is a stack.
func messageOf(e *pipeline.Error) string {
	if e == nil || e.Err == nil {
		return ""
	}
	return firstLine(e.Err.Error())
}
