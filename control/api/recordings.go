package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/rest"
	"weir/pipeline/instance"
)

// The reasons why a recording cannot be used.
var (
	ErrNoRecording = errors.New("there is no such recording, or no such file of it")
	ErrUnderWay    = errors.New("the recording is still under way: it can be played meanwhile")
)

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

// recordings are what was recorded.
func (r *resources) recordings(a *rest.API) {
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
