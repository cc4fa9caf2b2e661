package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
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
	depot   *record.Depot
	exports *exports
	stores  *stores

	mu    sync.Mutex // guards what follows, and makes one list at a time
	all   []found
	stale time.Time // when all is to be listed anew
}

// found is a recording and where it is.
type found struct {
	api.Recording
	store store.Store
}

// newRecordings makes what is not begun yet. files is where it keeps what it must remember:
// a name to which is appended what for; "" is nowhere.
func newRecordings(depot *record.Depot, files string, log *slog.Logger) *recordings {
	under := func(name string) string {
		if files == "" {
			return ""
		}
		return files + name
	}
	return &recordings{depot: depot, exports: newExports(under(".exports.json"), log), stores: newStores(under(".stores.json"), log)}
}

// begin goes on with the exports that the process before has left. It is for when the
// configuration is in force.
func (r *recordings) begin() {
	r.stores.shelves(r.depot.Shelves())
	for _, id := range r.exports.left() {
		_, _ = r.export(id) // it is logged
	}
}

// close ends exports; those under way go on in the next process.
func (r *recordings) close() {
	r.stores.shelves(r.depot.Shelves())
	r.exports.close()
}

// defaultStore is where is recorded if nobody says where.
const defaultStore = "recordings"

// The bounds of a list.
const (
	freshFor   = 3 * time.Second // what a list is good for, or that many times what it took
	freshTimes = 20
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
		if e := r.exports.of(all[i].ID); e != nil {
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
	shelves := r.stores.shelves(r.depot.Shelves())
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

// Unreachable implements api.Archive.
func (r *recordings) Unreachable() []string { return r.stores.unreachable() }

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
		if e := r.exports.of(id); e != nil && e.State == pending {
			return api.ErrUnderWay
		}
		err = film.Delete(ctx, c.store, c.Prefix)
	}
	r.forget()
	return err
}

// Export implements api.Archive.
func (r *recordings) Export(ctx context.Context, id string) (api.Export, error) {
	if _, err := r.find(ctx, id); err != nil {
		return api.Export{}, err
	}
	return r.export(id)
}

func (r *recordings) export(id string) (api.Export, error) {
	return r.exports.begin(id, func(ctx context.Context) (found, error) { return r.find(ctx, id) }, r.forget)
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
