package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/observe"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/fmp4"
	"weir/pipeline/instance"
	"weir/pipeline/media"
)

// Stream is one that runs.
type Stream struct {
	Path     string        `json:"path" example:"live/studio"`
	Pipeline string        `json:"pipeline" example:"live/{name}"`
	State    string        `json:"state" enum:"running,lingering,draining"`
	Since    time.Time     `json:"since"`
	Viewers  int           `json:"viewers"`
	Bitrate  int64         `json:"bitrate" doc:"What comes in, in bit/s; 0 if it is not known."`
	Summary  string        `json:"summary" example:"H.264 1080p30 + AAC 48 kHz"`
	Verdict  string        `json:"verdict" enum:"ok,warning,error"`
	Findings []Finding     `json:"findings" nullable:"false"`
	Outputs  []OutputState `json:"outputs" nullable:"false"`
	// Recording, HasStill, Watch and Publish are what can be done with it.
	Recording bool     `json:"recording"`
	HasStill  bool     `json:"has_still"`
	Watch     []string `json:"watch" nullable:"false" doc:"How it can be watched: webrtc, hls."`
	Publish   bool     `json:"publish" doc:"A browser can publish to it."`
	Stages    []Stage  `json:"stages,omitempty" doc:"Only where they were asked for."`
}

// OutputState is an output in short.
type OutputState struct {
	Name   string `json:"name"`
	Use    string `json:"use"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// Stage is a stage of a running stream.
type Stage struct {
	Name     string        `json:"name"`
	Use      string        `json:"use"`
	Role     string        `json:"role" enum:"source,transform,sink"`
	Inserted bool          `json:"inserted" doc:"The planner put it there."`
	Why      string        `json:"why,omitempty" doc:"What it was put there for."`
	State    string        `json:"state" enum:"starting,running,waiting,paused,failed,ended"`
	Since    time.Time     `json:"since"`
	Viewers  int           `json:"viewers"`
	Problem  *StageProblem `json:"problem,omitempty" doc:"The last failure."`
	Restarts uint64        `json:"restarts"`
	Tracks   []Track       `json:"tracks,omitempty"`
	Detail   any           `json:"detail,omitempty" doc:"What the stage shows of itself."`
}

// StageProblem is a failure of a stage.
type StageProblem struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// Track is a track that a stage sends.
type Track struct {
	ID       string  `json:"id"`
	Kind     string  `json:"kind" enum:"video,audio"`
	Codec    string  `json:"codec"`
	Group    string  `json:"group,omitempty"`
	Language string  `json:"language,omitempty"`
	Layers   []Layer `json:"layers" nullable:"false"`
	Summary  string  `json:"summary" example:"H.264 1080p30"`
}

// Layer is one rendition of a track.
type Layer struct {
	Name    string  `json:"name"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	FPS     float64 `json:"fps"`
	Bitrate int64   `json:"bitrate"`
}

// StreamRequest is about one stream.
type StreamRequest struct {
	Stream string `path:"stream" maxLength:"300" doc:"The stream's path, with %2F for its slashes."`
}

// StageRequest is about one stage of a stream.
type StageRequest struct {
	StreamRequest
	Stage string `path:"stage" maxLength:"64"`
}

func (r *resources) streams(a *rest.API) {
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/streams", "list-streams", "The streams that run"),
		func(ctx context.Context, in *struct {
			rest.Paging
			Stages bool `query:"stages" doc:"With all stages of each."`
		},
		) (*body[*rest.Page[Stream]], error) {
			var snaps []instance.Snapshot
			for _, s := range r.Host.Snapshots() { // they are in the order of paths
				if sees(ctx, s.Path) {
					snaps = append(snaps, s)
				}
			}
			page, err := rest.PageOf(in.Paging, snaps, func(s instance.Snapshot) string { return s.Path })
			if err != nil {
				return nil, err
			}
			out := &rest.Page[Stream]{Items: []Stream{}, Next: page.Next}
			for i := range page.Items {
				out.Items = append(out.Items, r.stream(&page.Items[i], in.Stages))
			}
			return &body[*rest.Page[Stream]]{out}, nil
		})
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/streams/{stream}", "get-stream", "One stream that runs"),
		func(_ context.Context, in *StreamRequest) (*body[Stream], error) {
			s, ok := r.Host.Snapshot(in.Stream)
			if !ok {
				return nil, failure(instance.ErrOffline)
			}
			return &body[Stream]{r.stream(&s, true)}, nil
		})
	huma.Register(a, with(rest.Operation(rest.Operate, http.MethodDelete, "/streams/{stream}", "end-stream", "End a stream"), http.StatusConflict),
		func(_ context.Context, in *StreamRequest) (*nothing, error) {
			return nil, failure(r.Host.End(in.Stream))
		})
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/streams/{stream}/stages/{stage}", "get-stage", "One stage of a stream"),
		func(_ context.Context, in *StageRequest) (*body[Stage], error) {
			s, ok := r.Host.Snapshot(in.Stream)
			if !ok {
				return nil, failure(instance.ErrOffline)
			}
			i := slices.IndexFunc(s.Stages, func(g pipeline.StageSnapshot) bool { return g.Name == in.Stage })
			if i < 0 {
				return nil, failure(pipeline.ErrNoStage)
			}
			return &body[Stage]{StageOf(&s.Stages[i])}, nil
		})
	huma.Register(a, with(rest.Operation(rest.Operate, http.MethodPost, "/streams/{stream}/stages/{stage}/control", "control-stage", "Tell a stage to change while it runs"), http.StatusConflict),
		func(_ context.Context, in *struct {
			StageRequest
			Body map[string]any `doc:"What the stage understands: the scene of a mixer, {\"record\": true}."`
		},
		) (*nothing, error) {
			return nil, controlFailure(r.Host.Control(in.Stream, in.Stage, raw(in.Body)))
		})
	op := rest.Operation(rest.Read, http.MethodGet, "/streams/{stream}/still", "get-still", "A picture of a stream, as a film of one picture")
	op.Responses = map[string]*huma.Response{
		"200": {Description: "An MP4 file of one picture.", Content: map[string]*huma.MediaType{"video/mp4": {}}},
		"304": {Description: "It is still that picture."},
	}
	huma.Register(a, op, r.still)
}

// controlFailure is failure, for errors that may be the stage's own words.
func controlFailure(err error) error {
	if err == nil {
		return nil
	}
	if known := failure(err); known != err { //nolint:errorlint // it is the same one or another
		return known
	}
	return rest.Fail(http.StatusUnprocessableEntity, "refused_by_stage", sentence(err.Error()))
}

type stillRequest struct {
	StreamRequest
	IfNoneMatch string `header:"If-None-Match" maxLength:"128"`
}

type stillAnswer struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	ETag         string `header:"ETag"`
	Body         []byte
}

func (r *resources) still(_ context.Context, in *stillRequest) (*stillAnswer, error) {
	none := rest.Fail(http.StatusNotFound, "no_picture", "There is no picture of this stream at present.")
	u := r.Host.Still(in.Stream)
	if u == nil {
		return nil, none
	}
	h := sha256.New()
	for _, b := range u.Access {
		h.Write(b)
	}
	out := &stillAnswer{Status: http.StatusOK, ContentType: "video/mp4", CacheControl: "private, max-age=1", ETag: etag(hex.EncodeToString(h.Sum(nil)[:8]))}
	if in.IfNoneMatch == out.ETag {
		out.Status, out.ContentType = http.StatusNotModified, ""
		return out, nil
	}
	var err error
	if out.Body, err = fmp4.Still(u); err != nil {
		return nil, none
	}
	return out, nil
}

// stream is what a snapshot shows.
func (r *resources) stream(s *instance.Snapshot, stages bool) Stream {
	out := Stream{
		Path: s.Path, Pipeline: s.Pattern, State: s.State.String(), Since: s.Epoch.UTC(), Viewers: s.Viewers,
		Verdict: "ok", Findings: []Finding{}, Outputs: []OutputState{}, Watch: []string{},
	}
	if r.Observer != nil {
		out.Bitrate = r.Observer.Bitrate(s.Path)
		out.Findings = append(out.Findings, r.Observer.Findings(s.Path)...)
	}
	for _, f := range out.Findings {
		out.worsen(f.Severity)
	}
	for i := range s.Stages {
		g := &s.Stages[i]
		if stages {
			out.Stages = append(out.Stages, StageOf(g))
		}
		switch g.State {
		case pipeline.Waiting, pipeline.Failed:
			out.worsen("error")
		case pipeline.Starting, pipeline.Running, pipeline.Paused, pipeline.Ended:
		}
		for _, o := range g.Outputs {
			if o.Tracks == nil {
				continue
			}
			if out.Summary == "" {
				out.Summary = observe.Summary(o.Tracks)
			}
			out.HasStill = out.HasStill || slices.ContainsFunc(o.Tracks.Tracks, func(t *media.Track) bool {
				return t.Kind() == media.KindVideo && t.Form == media.FormAccess
			})
		}
		if way := r.Ways.Watch[g.Use]; way != "" && !slices.Contains(out.Watch, way) {
			out.Watch = append(out.Watch, way)
		}
		out.Publish = out.Publish || slices.Contains(r.Ways.Publish, g.Use)
		if g.Role == pipeline.Sink && !g.Inserted {
			o := OutputState{Name: g.Name, Use: g.Use}
			o.State, o.Reason = outputState(g)
			if o.State == pipeline.Failed.String() {
				out.worsen("error")
			}
			out.Outputs = append(out.Outputs, o)
		}
		if r.Recorder != nil && g.Use == r.Recorder.Use() {
			_, under := r.Recorder.UnderWay(g.Detail)
			out.Recording = out.Recording || under
		}
	}
	slices.Sort(out.Watch)
	slices.Reverse(out.Watch) // the fastest first
	return out
}

// worsen makes the verdict at least as bad.
func (s *Stream) worsen(severity string) {
	if s.Verdict != "error" && severity != "" {
		s.Verdict = severity
	}
}

// outputState is what an output does, and why if it does not do its work.
func outputState(g *pipeline.StageSnapshot) (state, reason string) {
	if g.Failure != nil && g.State != pipeline.Running {
		reason = g.Failure.Error()
	}
	if d, ok := detailOf(g.Detail); ok && g.State == pipeline.Running && d.State != "" {
		return d.State, d.Reason
	}
	return g.State.String(), reason
}

// StageOf is what a snapshot of a stage shows.
func StageOf(g *pipeline.StageSnapshot) Stage {
	out := Stage{
		Name: g.Name, Use: g.Use, Role: g.Role.String(), Inserted: g.Inserted, Why: g.Why,
		State: g.State.String(), Since: g.Since.UTC(), Viewers: g.Viewers, Detail: g.Detail,
	}
	if g.Failure != nil {
		out.Problem = &StageProblem{Kind: g.Failure.Kind.String(), Message: g.Failure.Error()}
	}
	for _, n := range g.Restarts {
		out.Restarts += n
	}
	for _, o := range g.Outputs {
		if o.Tracks == nil {
			continue
		}
		for _, t := range o.Tracks.Tracks {
			out.Tracks = append(out.Tracks, TrackOf(t))
		}
	}
	return out
}
