package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"weir/control/desired"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/instance"
)

// The reasons why a recording cannot be used.
var (
	ErrNoRecording = errors.New("there is no such recording, or no such file of it")
	ErrUnderWay    = errors.New("the recording is still under way: it can be played meanwhile")
)

// Recorder knows the stages that record.
type Recorder interface {
	// Use is their type.
	Use() string
	// Defaults are settings of one where nobody says otherwise.
	Defaults() map[string]any
	// UnderWay is the recording that one makes, by its detail; false if it makes none now.
	UnderWay(detail any) (Recording, bool)
	// Idle says whether one waits to be told to record, by its detail.
	Idle(detail any) bool
}

// Archive is what was recorded, wherever it is kept. Any number of goroutines may use it.
type Archive interface {
	// List lists what is in all stores, oldest first, perhaps as it was some seconds ago.
	List(ctx context.Context) ([]Recording, error)
	// Delete removes a recording. What it could not remove is still listed.
	Delete(ctx context.Context, id string) error
	// Export begins to make an MP4 file of a recording; List says how far that is.
	Export(ctx context.Context, id string) (Export, error)
	// Open opens a file of a recording by its name: media of it, or with film its export.
	Open(ctx context.Context, id, name string, film bool) (File, error)
	// Unreachable are stores that hold recordings which are not listed, as nothing says how
	// to reach them any more.
	Unreachable() []string
}

// Prober tries places for recordings.
type Prober interface {
	// Probe writes, reads and deletes a small object in a store, given by its settings as in
	// a file. An error says what is wrong with the settings; what the store answers is in
	// the steps.
	Probe(ctx context.Context, store json.RawMessage) ([]ProbeStep, error)
}

// ProbeStep is one thing that was tried of a store.
type ProbeStep struct {
	What    string `json:"what" example:"write"`
	OK      bool   `json:"ok"`
	Message string `json:"message,omitempty" doc:"Why it did not go well."`
}

// Probed is how trying a store went.
type Probed struct {
	OK    bool        `json:"ok" doc:"Recordings can be kept there."`
	Steps []ProbeStep `json:"steps" nullable:"false"`
}

// probeTime is how long a store may take to answer.
const probeTime = 20 * time.Second

// File is a file of a recording. The caller closes it.
type File struct {
	io.ReadSeeker
	io.Closer
	Type     string // the media type
	Modified time.Time
	// Fixed files are never others.
	Fixed bool
}

// Recording is what was recorded of a stream, or is being.
type Recording struct {
	ID        string    `json:"id"`
	Stream    string    `json:"stream"`
	State     string    `json:"state" enum:"recording,uploading,complete,failed"`
	StartedAt time.Time `json:"started_at"`
	Seconds   float64   `json:"seconds"`
	Bytes     int64     `json:"bytes"`
	Store     string    `json:"store" example:"s3 s3.example.net/shows"`
	Prefix    string    `json:"prefix" doc:"Where in the store it is."`
	Segments  int       `json:"segments"`
	Export    *Export   `json:"export,omitempty"`
}

// Export is the MP4 file of a recording.
type Export struct {
	State   string `json:"state" enum:"pending,complete,failed"`
	URL     string `json:"url,omitempty"`
	Message string `json:"message,omitempty"`
}

// RecordingRequest is about one recording.
type RecordingRequest struct {
	ID string `path:"id" maxLength:"128" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$"`
}

// NewRecording is how to record.
type NewRecording struct {
	Name       string         `json:"name,omitempty" maxLength:"32"`
	From       any            `json:"from,omitempty"`
	With       map[string]any `json:"with,omitempty" doc:"Settings of the recording stage, as in a file; the defaults where they are left out."`
	Persistent bool           `json:"persistent,omitempty" doc:"Whether it goes on after a restart."`
}

// Started says which stage records.
type Started struct {
	Stream string `json:"stream"`
	Stage  string `json:"stage"`
	Added  bool   `json:"added" doc:"The stage was added for this."`
}

type startedAnswer struct {
	Location string `header:"Location"`
	Body     Started
}

func (r *resources) recordings(a *rest.API) {
	start := with(rest.Operation(rest.Operate, http.MethodPost, "/streams/{stream}/recordings", "start-recording", "Record a stream"), http.StatusConflict, http.StatusTooManyRequests)
	start.DefaultStatus = http.StatusCreated
	huma.Register(a, start, func(ctx context.Context, in *struct {
		StreamRequest
		rest.Idempotent
		Body *NewRecording `required:"false"`
	},
	) (*startedAnswer, error) {
		if in.Body == nil {
			in.Body = &NewRecording{}
		}
		return rest.Do(ctx, &r.once, in.Idempotent, "start-recording "+in.Stream, in.Body, func() (*startedAnswer, error) {
			return r.record(ctx, in.Stream, *in.Body)
		})
	})
	huma.Register(a, with(rest.Operation(rest.Operate, http.MethodPost, "/streams/{stream}/recordings/stop", "stop-recording", "Stop recording a stream"), http.StatusConflict),
		func(ctx context.Context, in *StreamRequest) (*nothing, error) {
			return nil, failure(r.endRecording(ctx, in.Stream))
		})
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/recordings", "list-recordings", "What was recorded, newest first"),
		func(ctx context.Context, in *struct {
			rest.Paging
			Stream string `query:"stream" maxLength:"300" doc:"Only of this stream."`
		},
		) (*body[*rest.Page[Recording]], error) {
			all, err := r.recorded(ctx)
			if err != nil {
				return nil, err
			}
			all = slices.DeleteFunc(all, func(c Recording) bool {
				return in.Stream != "" && c.Stream != in.Stream || !sees(ctx, c.Stream)
			})
			page, err := rest.PageOf(in.Paging, all, backwards)
			return &body[*rest.Page[Recording]]{page}, err
		})
	huma.Register(a, rest.Operation(rest.Read, http.MethodGet, "/recordings/{id}", "get-recording", "One recording"),
		func(ctx context.Context, in *RecordingRequest) (*body[Recording], error) {
			c, err := r.recording(ctx, in.ID)
			return &body[Recording]{c}, failure(err)
		})
	huma.Register(a, with(rest.Operation(rest.Configure, http.MethodDelete, "/recordings/{id}", "delete-recording", "Delete a recording"), http.StatusConflict),
		func(ctx context.Context, in *RecordingRequest) (*nothing, error) {
			c, err := r.recording(ctx, in.ID)
			if err == nil && (c.State == "recording" || c.State == "uploading") {
				err = ErrUnderWay
			}
			if err == nil {
				err = r.Archive.Delete(ctx, in.ID)
			}
			return nil, failure(err)
		})
	export := with(rest.Operation(rest.Operate, http.MethodPost, "/recordings/{id}/export", "export-recording", "Make an MP4 file of a recording"), http.StatusConflict)
	export.DefaultStatus = http.StatusAccepted
	huma.Register(a, export, func(ctx context.Context, in *RecordingRequest) (*body[Export], error) {
		c, err := r.recording(ctx, in.ID)
		if err == nil && c.State != "complete" {
			err = ErrUnderWay
		}
		if err != nil {
			return nil, failure(err)
		}
		e, err := r.Archive.Export(ctx, in.ID)
		return &body[Export]{*withURL(in.ID, &e)}, failure(err)
	})
	if prober, ok := r.Archive.(Prober); ok {
		huma.Register(a, rest.Operation(rest.Configure, http.MethodPost, "/stores/probe", "probe-store", "Try whether recordings can be kept in a store"),
			func(ctx context.Context, in *struct {
				Body struct {
					Store map[string]any `json:"store" doc:"The store, as a stage that records has it in a file."`
				}
			},
			) (*body[Probed], error) {
				return probe(ctx, prober, in.Body.Store)
			})
	}
	files := func(op huma.Operation, kinds ...string) huma.Operation {
		content := make(map[string]*huma.MediaType)
		for _, k := range kinds {
			content[k] = &huma.MediaType{}
		}
		op.Responses = map[string]*huma.Response{
			"200": {Description: "The file.", Content: content},
			"206": {Description: "A part of the file.", Content: content},
			"304": {Description: "It has not changed."},
			"416": {Description: "There is no such part."},
		}
		op.RejectUnknownQueryParameters = false
		return op
	}
	kinds := []string{"application/vnd.apple.mpegurl", "video/mp4", "application/octet-stream"}
	huma.Register(a, files(rest.Operation(rest.Read, http.MethodGet, "/recordings/{id}/media/{file}", "get-recording-playlist", "A playlist of a recording: play index.m3u8"), kinds...),
		func(ctx context.Context, in *struct {
			RecordingRequest
			File string `path:"file" maxLength:"128" pattern:"^[A-Za-z0-9][A-Za-z0-9._~+-]*$"`
		},
		) (*huma.StreamResponse, error) {
			return r.file(ctx, in.ID, in.File, false)
		})
	huma.Register(a, files(rest.Operation(rest.Read, http.MethodGet, "/recordings/{id}/media/{rendition}/{file}", "get-recording-segment", "A segment of a recording, as its playlists name it"), kinds...),
		func(ctx context.Context, in *struct {
			RecordingRequest
			Rendition string `path:"rendition" maxLength:"128" pattern:"^[A-Za-z0-9][A-Za-z0-9._~+-]*$"`
			File      string `path:"file" maxLength:"128" pattern:"^[A-Za-z0-9][A-Za-z0-9._~+-]*$"`
		},
		) (*huma.StreamResponse, error) {
			return r.file(ctx, in.ID, in.Rendition+"/"+in.File, false)
		})
	huma.Register(a, files(rest.Operation(rest.Read, http.MethodGet, "/recordings/{id}/export.mp4", "get-recording-export", "The MP4 file of a recording"), "video/mp4"),
		func(ctx context.Context, in *RecordingRequest) (*huma.StreamResponse, error) {
			return r.file(ctx, in.ID, "export.mp4", true)
		})
}

func probe(ctx context.Context, p Prober, store map[string]any) (*body[Probed], error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	steps, err := p.Probe(ctx, raw(store))
	if err != nil {
		problem := rest.Fail(http.StatusUnprocessableEntity, "invalid_configuration", "The store cannot be opened.")
		problem.Errors = append(problem.Errors, rest.Wrong{Location: "body.store", Message: err.Error()})
		return nil, problem
	}
	out := Probed{OK: !slices.ContainsFunc(steps, func(s ProbeStep) bool { return !s.OK }), Steps: steps}
	return &body[Probed]{out}, nil
}

// file answers with a file, or the part of it that is asked for.
func (r *resources) file(ctx context.Context, id, name string, film bool) (*huma.StreamResponse, error) {
	if _, err := r.recording(ctx, id); err != nil { // who may see it
		return nil, failure(err)
	}
	f, err := r.Archive.Open(ctx, id, name, film)
	if err != nil {
		return nil, failure(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer f.Close()
		req, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", f.Type)
		if f.Fixed {
			w.Header().Set("Cache-Control", "private, max-age=86400")
		}
		if film {
			w.Header().Set("Content-Disposition", `attachment; filename="`+id+`.mp4"`)
		}
		http.ServeContent(w, req, "", f.Modified, f)
	}}, nil
}

// record starts a recording: with a stage that waits to be told, or with a new one.
func (r *resources) record(ctx context.Context, stream string, how NewRecording) (*startedAnswer, error) {
	snap, running := r.Host.Snapshot(stream)
	if how.With == nil && how.From == nil && how.Name == "" && running {
		for _, g := range snap.Stages {
			if g.Use != r.Recorder.Use() {
				continue
			}
			if g.State == pipeline.Running && !r.Recorder.Idle(g.Detail) { // though it may wait for a key frame
				return nil, rest.Fail(http.StatusConflict, "recording_already", "The stream is being recorded.")
			}
			if err := r.Host.Control(stream, g.Name, []byte(`{"record":true}`)); err != nil {
				return nil, controlFailure(err)
			}
			return r.startedBy(stream, g.Name, false), nil
		}
	}
	if how.With != nil && rest.CallerOf(ctx) != nil && !rest.CallerOf(ctx).Scope.Includes(rest.Configure) {
		return nil, rest.Fail(http.StatusForbidden, "forbidden", "Saying where and how to record needs the scope configure; leave out \"with\".")
	}
	if err := r.within(ctx, r.Recorder.Use(), how.With); err != nil {
		return nil, failure(err)
	}
	settings := r.Recorder.Defaults()
	maps.Copy(settings, how.With)
	o, err := r.add(ctx, stream, NewOutput{Name: how.Name, Use: r.Recorder.Use(), From: how.From, With: settings, Persistent: &how.Persistent})
	if err != nil {
		return nil, failure(err)
	}
	return r.startedBy(stream, o.Name, true), nil
}

func (r *resources) startedBy(stream, stage string, added bool) *startedAnswer {
	return &startedAnswer{
		Location: rest.Root + "/streams/" + url.PathEscape(stream) + "/outputs/" + url.PathEscape(stage),
		Body:     Started{Stream: stream, Stage: stage, Added: added},
	}
}

// endRecording stops all recordings of a stream: stages that were added for one go, all
// others are told.
func (r *resources) endRecording(ctx context.Context, stream string) error {
	outputs, err := r.Desired.Outputs(stream)
	if err != nil {
		return err
	}
	found := false
	for _, o := range outputs {
		if o.Use != r.Recorder.Use() || o.Stopped {
			continue
		}
		if o.Added {
			err = r.Desired.Remove(stream, o.Name, "", by(ctx))
		} else {
			err = r.Host.Control(stream, o.Name, []byte(`{"record":false}`))
		}
		if err != nil {
			return err
		}
		found = true
	}
	if !found {
		return desired.ErrNoStage
	}
	return nil
}

// recorded lists what was recorded and what is being, newest first.
func (r *resources) recorded(ctx context.Context) ([]Recording, error) {
	all, err := r.archived(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range r.underWay(r.Host.Snapshots()) {
		if i := slices.IndexFunc(all, func(o Recording) bool { return o.ID == c.ID }); i >= 0 {
			c.Store, c.StartedAt = all[i].Store, all[i].StartedAt
			all = slices.Delete(all, i, i+1)
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Recording) int { return strings.Compare(backwards(a), backwards(b)) })
	for i := range all {
		all[i].Export = withURL(all[i].ID, all[i].Export)
	}
	return all, nil
}

// archived lists what the archive has. The list belongs to whoever asked.
func (r *resources) archived(ctx context.Context) ([]Recording, error) {
	all, err := r.Archive.List(ctx)
	if err != nil {
		return nil, rest.Fail(http.StatusInternalServerError, "store_unavailable", "A store of recordings does not answer: "+err.Error())
	}
	return slices.Clone(all), nil
}

func (r *resources) underWay(snaps []instance.Snapshot) (all []Recording) {
	for _, s := range snaps {
		for _, g := range s.Stages {
			if g.Use != r.Recorder.Use() {
				continue
			}
			if c, under := r.Recorder.UnderWay(g.Detail); under {
				c.Stream, c.State = s.Path, "recording"
				all = append(all, c)
			}
		}
	}
	return all
}

// recording is one of them. Players ask with every segment: what is complete is found
// without looking at what is under way.
func (r *resources) recording(ctx context.Context, id string) (Recording, error) {
	named := func(c Recording) bool { return c.ID == id }
	all, err := r.archived(ctx)
	if i := slices.IndexFunc(all, named); err == nil && (i < 0 || all[i].State != "complete") {
		all, err = r.recorded(ctx)
	}
	if err != nil {
		return Recording{}, err
	}
	i := slices.IndexFunc(all, named)
	if i < 0 || !sees(ctx, all[i].Stream) {
		lost := r.Archive.Unreachable()
		if c := rest.CallerOf(ctx); len(lost) > 0 && (c == nil || c.Streams == nil) { // of others' stores nobody hears
			return Recording{}, fmt.Errorf("%w; or it is in %s, which no stage names any more: name the store in a stage that records to reach it",
				ErrNoRecording, strings.Join(lost, ", "))
		}
		return Recording{}, ErrNoRecording
	}
	all[i].Export = withURL(id, all[i].Export)
	return all[i], nil
}

// backwards is a recording's place in a list with the newest first.
func backwards(c Recording) string {
	b := []byte(c.StartedAt.UTC().Format("20060102T150405.000"))
	for i := range b {
		b[i] = 255 - b[i]
	}
	return string(b) + c.ID
}

func withURL(id string, e *Export) *Export {
	if e == nil || e.State != "complete" {
		return e
	}
	out := *e
	out.URL = rest.Root + "/recordings/" + url.PathEscape(id) + "/export.mp4"
	return &out
}
