package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"weir/control/rest"
)

// File is a file of a recording. The caller closes it.
type File struct {
	io.ReadSeeker
	io.Closer
	Type     string // the media type
	Modified time.Time
	// Fixed files are never others.
	Fixed bool
}

// recordingFiles are what players and people fetch of a recording.
func (r *resources) recordingFiles(a *rest.API) {
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
