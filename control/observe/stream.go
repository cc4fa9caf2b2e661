package observe

import (
	"slices"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/media"
)

// Ways says what stages are to people who come from outside, by their types.
type Ways struct {
	// Watch are those that viewers watch, the fastest first.
	Watch []Way
	// Publish are those that a browser publishes to.
	Publish []string
}

// Way is how a type of stage can be watched: "webrtc" or "hls".
type Way struct{ Use, Name string }

// Stream is what is to be said of a stream in a line or two.
type Stream struct {
	Path     string    `json:"path" example:"live/studio"`
	Pipeline string    `json:"pipeline" doc:"The pattern of its pipeline." example:"live/{name}"`
	State    string    `json:"state" enum:"running,lingering,draining"`
	Since    time.Time `json:"since"`
	Viewers  int       `json:"viewers"`
	Bitrate  int64     `json:"bitrate" doc:"What comes in, in bit/s; 0 if it is not known."`
	// Summary says what comes in; "" until that is known.
	Summary string `json:"summary" example:"H.264 High 1080p30 + AAC 48 kHz"`
	// Verdict is the worst of what there is to say against the stream.
	Verdict  string        `json:"verdict" enum:"ok,warning,error"`
	Findings []Finding     `json:"findings" nullable:"false"`
	Outputs  []OutputState `json:"outputs" nullable:"false"`
	// Recording, HasStill, Watch and Publish are what can be done with it.
	Recording bool     `json:"recording" doc:"A recording of it is under way, though it may have paused."`
	HasStill  bool     `json:"has_still" doc:"There may be a picture of it."`
	Watch     []string `json:"watch" nullable:"false" doc:"How it can be watched, the fastest way first: webrtc, hls."`
	Publish   bool     `json:"publish" doc:"A browser can publish to it."`
}

// Finding is something that is wrong with a stream.
type Finding struct {
	pipeline.Finding
	Target string `json:"target,omitempty" doc:"The stage that it is about."`
}

// OutputState is a stage at which the stream leaves the server.
type OutputState struct {
	Name    string `json:"name"`
	Use     string `json:"use" example:"outputs/rtmp"`
	State   string `json:"state" example:"live"`
	Reason  string `json:"reason,omitempty" doc:"A word for programs: why it is not as it should be."`
	Message string `json:"message,omitempty" doc:"A sentence to it."`
}

// The verdicts.
const (
	fine     = "ok"
	doubtful = "warning"
	wrong    = "error"
)

// What stages call their states when they record, and when they push.
const (
	recording = "recording"
	paused    = "paused"
	live      = "live"
)

// Stream sums up what a snapshot shows, with what is known of the stream from before.
func (o *Observer) Stream(snap *instance.Snapshot) Stream {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.streams[snap.Path]
	if w == nil || !w.epoch.Equal(snap.Epoch) {
		w = newWatched(snap.Path, snap.Epoch)
	}
	return w.stream(snap, time.Now(), &o.ways)
}

// stream sums a stream up.
func (w *watched) stream(snap *instance.Snapshot, now time.Time, ways *Ways) Stream {
	s := Stream{
		Path: snap.Path, Pipeline: snap.Pattern, State: snap.State.String(), Since: snap.Epoch.UTC(),
		Viewers: snap.Viewers, Bitrate: w.bitrate, Summary: w.summarize(snap, now), Verdict: fine, Watch: []string{},
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
		s.add(&snap.Stages[i])
	}
	s.open(snap, ways)
	for _, f := range s.Findings {
		if s.Verdict = doubtful; f.Severity == pipeline.Wrong {
			s.Verdict = wrong
			break
		}
	}
	return s
}

// add adds what a stage does, and what is wrong with it.
func (s *Stream) add(st *pipeline.StageSnapshot) {
	s.Findings = AppendFindings(s.Findings, st)
	switch {
	case st.State == pipeline.Failed, st.State == pipeline.Waiting:
		s.Findings = append(s.Findings, failing(st))
	case st.State == pipeline.Running && st.Report.Reason != "":
		s.Findings = append(s.Findings, troubled(st))
	}
	if st.Role == pipeline.Sink {
		s.Outputs = append(s.Outputs, OutputOf(st))
		s.Recording = s.Recording || st.Report.State == recording || st.Report.State == paused
	}
	s.HasStill = s.HasStill || slices.ContainsFunc(st.Outputs, func(o pipeline.OutputSnapshot) bool {
		return o.Tracks != nil && slices.ContainsFunc(o.Tracks.Tracks, func(t *media.Track) bool {
			return t.Kind() == media.KindVideo && t.Form == media.FormAccess
		})
	})
}

// open says by which ways people come to the stream.
func (s *Stream) open(snap *instance.Snapshot, ways *Ways) {
	has := func(use string) bool {
		return slices.ContainsFunc(snap.Stages, func(st pipeline.StageSnapshot) bool { return st.Use == use })
	}
	for _, way := range ways.Watch {
		if has(way.Use) {
			s.Watch = append(s.Watch, way.Name)
		}
	}
	s.Publish = slices.ContainsFunc(ways.Publish, has)
}

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

// AppendFindings appends what a stage finds wrong with the stream.
func AppendFindings(all []Finding, st *pipeline.StageSnapshot) []Finding {
	for _, f := range st.Report.Findings {
		all = append(all, Finding{f, st.Name})
	}
	return all
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
