package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/observe"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/fmp4"
	"weir/pipeline/instance"
)

// Stream is one that runs.
type Stream struct {
	observe.Stream
	Stages []observe.Stage `json:"stages,omitempty" doc:"Only where they were asked for."`
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
		func(_ context.Context, in *StageRequest) (*body[observe.Stage], error) {
			s, ok := r.Host.Snapshot(in.Stream)
			if !ok {
				return nil, failure(instance.ErrOffline)
			}
			i := slices.IndexFunc(s.Stages, func(g pipeline.StageSnapshot) bool { return g.Name == in.Stage })
			if i < 0 {
				return nil, failure(pipeline.ErrNoStage)
			}
			return &body[observe.Stage]{observe.StageOf(&s.Stages[i])}, nil
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
	out := Stream{Stream: r.Observer.Stream(s)}
	if stages {
		for i := range s.Stages {
			out.Stages = append(out.Stages, observe.StageOf(&s.Stages[i]))
		}
	}
	return out
}
