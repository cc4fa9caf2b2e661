package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/control/api"
	"weir/pipeline/service/store"
	"weir/record"
	"weir/record/film"
	"weir/record/spool"
)

// recordings are those of all stores that are recorded to, for the API.
type recordings struct {
	depot *record.Depot
	log   *slog.Logger

	mu      sync.Mutex // guards what follows, and makes one list at a time
	all     []found
	stale   time.Time // when all is to be listed anew
	exports map[string]*api.Export
}

// found is a recording and where it is.
type found struct {
	api.Recording
	store store.Store
}

func newRecordings(depot *record.Depot, log *slog.Logger) *recordings {
	return &recordings{depot: depot, log: log, exports: make(map[string]*api.Export)}
}

// defaultStore is where is recorded if nobody says where.
const defaultStore = "recordings"

// The bounds of a list and of exports.
const (
	freshFor   = 3 * time.Second // what a list is good for, or that many times what it took
	freshTimes = 20
	maxExports = 16 // that wait
	exportTime = 6 * time.Hour
)

// Use implements api.Recorder.
func (r *recordings) Use() string { return record.Type }

// Defaults implements api.Recorder.
func (r *recordings) Defaults() map[string]any {
	return map[string]any{"store": map[string]any{"dir": defaultStore}}
}

// UnderWay implements api.Recorder.
func (r *recordings) UnderWay(detail any) (api.Recording, bool) {
	d, ok := detail.(record.Detail)
	if !ok || d.Session == "" {
		return api.Recording{}, false
	}
	return api.Recording{
		ID: d.Session, Prefix: d.Prefix, StartedAt: time.Now().Add(-time.Duration(d.Seconds * float64(time.Second))).UTC().Truncate(time.Second),
		Seconds: d.Seconds, Bytes: d.Bytes, Segments: d.Segments,
	}, true
}

// Idle implements api.Recorder.
func (r *recordings) Idle(detail any) bool {
	d, ok := detail.(record.Detail)
	return ok && d.State == record.Stopped
}

// List implements api.Archive.
func (r *recordings) List(ctx context.Context) ([]api.Recording, error) {
	all, err := r.list(ctx)
	out := make([]api.Recording, len(all))
	for i := range all {
		out[i] = all[i].Recording
		if e := r.exportOf(all[i].ID); out[i].Export == nil {
			out[i].Export = e
		}
	}
	return out, err
}

func (r *recordings) list(ctx context.Context) ([]found, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Now().Before(r.stale) {
		return r.all, nil
	}
	began := time.Now()
	shelves := r.depot.Shelves()
	place := store.Place{Dir: defaultStore} // of those whose stage is there no more
	if _, err := os.Stat(defaultStore); err == nil && !slices.ContainsFunc(shelves, func(s record.Shelf) bool { return s.Address == place.Address() }) {
		if s, err := place.Open(); err == nil {
			shelves = append(shelves, record.Shelf{Address: place.Address(), Store: s})
		}
	}
	all := []found{}
	for _, sh := range shelves {
		entries, err := film.List(ctx, sh.Store)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			all = append(all, r.entry(sh, e))
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID)) })
	r.all = all
	r.stale = time.Now().Add(max(freshFor, freshTimes*time.Since(began)))
	return all, nil
}

func (r *recordings) entry(sh record.Shelf, e film.Entry) found {
	c := api.Recording{
		ID: e.Session, Stream: e.Pipeline, State: "complete", StartedAt: e.Started.UTC(), Seconds: e.Seconds,
		Bytes: e.Bytes, Store: sh.Address, Prefix: e.Prefix, Segments: e.Segments,
	}
	if e.Ended.IsZero() {
		c.State = "uploading"
	}
	if e.Exported {
		c.Export = &api.Export{State: "complete"}
	}
	return found{c, sh.Store}
}

// Probe implements api.Prober.
func (r *recordings) Probe(ctx context.Context, settings json.RawMessage) ([]api.ProbeStep, error) {
	place := store.Default()
	in := json.NewDecoder(bytes.NewReader(settings))
	in.DisallowUnknownFields()
	err := in.Decode(&place)
	if err == nil {
		err = place.Validate()
	}
	if err != nil {
		return nil, err
	}
	s, err := place.Open()
	if err != nil {
		return nil, err
	}
	var out []api.ProbeStep
	for _, step := range store.Probe(ctx, s) {
		tried := api.ProbeStep{What: step.What, OK: step.Err == nil}
		if step.Err != nil {
			tried.Message = step.Err.Error()
		}
		out = append(out, tried)
	}
	return out, nil
}

// find is one recording, or api.ErrNoRecording.
func (r *recordings) find(ctx context.Context, id string) (found, error) {
	all, err := r.list(ctx)
	if err != nil {
		return found{}, err
	}
	if i := slices.IndexFunc(all, func(c found) bool { return c.ID == id }); i >= 0 {
		return all[i], nil
	}
	return found{}, api.ErrNoRecording
}

// forget has the next list be made anew.
func (r *recordings) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stale = time.Time{}
}

// Delete implements api.Archive.
func (r *recordings) Delete(ctx context.Context, id string) error {
	c, err := r.find(ctx, id)
	if err == nil {
		if e := r.exportOf(id); e != nil && e.State == "pending" {
			return api.ErrUnderWay
		}
		err = film.Delete(ctx, c.store, c.Prefix)
	}
	r.forget()
	return err
}

// exportOf is how far an export is that this process has begun, or nil.
func (r *recordings) exportOf(id string) *api.Export {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.exports[id]
}

// Export implements api.Archive.
func (r *recordings) Export(ctx context.Context, id string) (api.Export, error) {
	c, err := r.find(ctx, id)
	if err != nil {
		return api.Export{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	pending := 0
	for _, e := range r.exports {
		if e.State == "pending" {
			pending++
		}
	}
	switch e := r.exports[id]; {
	case e != nil && e.State == "pending":
		return *e, nil
	case pending >= maxExports:
		return api.Export{}, api.ErrUnderWay
	}
	started := api.Export{State: "pending"}
	r.exports[id] = &started
	go r.export(c)
	return started, nil
}

// export makes the file. It ends with the process, or when it takes too long.
func (r *recordings) export(c found) {
	ctx, cancel := context.WithTimeout(context.Background(), exportTime)
	defer cancel()
	done := api.Export{State: "complete"}
	if err := makeExport(ctx, c); err != nil {
		done = api.Export{State: "failed", Message: err.Error()}
		r.log.Warn("a recording could not be exported", "recording", c.ID, "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exports[c.ID], r.stale = &done, time.Time{}
}

func makeExport(ctx context.Context, c found) error {
	m, err := film.Read(ctx, c.store, c.Prefix)
	if err != nil {
		return err
	}
	files, err := record.Exports(ctx, c.store, m)
	if err != nil {
		return err
	}
	large, ok := c.store.(store.Large)
	if !ok {
		return errors.New("this store takes no large files")
	}
	for _, f := range files {
		if err := large.PutLarge(ctx, store.Object{Key: c.Prefix + "/" + f.Name, Body: f.Body, Size: f.Size, Type: "video/mp4"}); err != nil {
			return err
		}
	}
	return nil
}

// Open implements api.Archive.
func (r *recordings) Open(ctx context.Context, id, name string, film bool) (api.File, error) {
	c, err := r.find(ctx, id)
	if err != nil {
		return api.File{}, err
	}
	keys := []string{c.Prefix + "/media/" + name}
	if film {
		keys = []string{c.Prefix + "/" + spool.ExportName(0), c.Prefix + "/" + spool.ExportName(1)}
	}
	for _, key := range keys {
		if !store.ValidKey(key) {
			continue
		}
		info, err := c.store.Stat(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return api.File{}, err
		}
		o := &object{ctx: ctx, store: c.store, key: key, size: info.Size}
		playlist := strings.HasSuffix(name, ".m3u8")
		f := api.File{ReadSeeker: o, Closer: o, Type: mediaType(name), Modified: info.Modified, Fixed: !playlist && !film}
		return f, nil
	}
	return api.File{}, api.ErrNoRecording
}

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".mp4", ".m4s":
		return "video/mp4"
	default:
		return "application/octet-stream"
	}
}

// object reads an object from where it is sought to, in one go.
type object struct {
	ctx   context.Context //nolint:containedctx // of the one request
	store store.Store
	key   string
	size  int64
	at    int64
	body  io.ReadCloser
}

// Read implements io.Reader.
func (o *object) Read(b []byte) (int, error) {
	if o.at >= o.size {
		return 0, io.EOF
	}
	if o.body == nil {
		body, err := o.store.Get(o.ctx, o.key, o.at, -1)
		if err != nil {
			return 0, err
		}
		o.body = body
	}
	n, err := o.body.Read(b)
	o.at += int64(n)
	return n, err
}

// Seek implements io.Seeker.
func (o *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, errors.New("before the beginning")
	}
	if offset != o.at {
		_ = o.Close()
	}
	o.at = offset
	return offset, nil
}

// Close implements io.Closer.
func (o *object) Close() error {
	if o.body == nil {
		return nil
	}
	err := o.body.Close()
	o.body = nil
	return err
}
