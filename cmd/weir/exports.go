package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"weir/control/api"
	"weir/pipeline/service/store"
	"weir/record"
	"weir/record/film"
)

// exports are the MP4 files of recordings that somebody has asked for. Which are owed stands
// in a file: what a process leaves undone, the next one makes.
type exports struct {
	log     *slog.Logger
	notes   notes           // of what is owed
	ctx     context.Context //nolint:containedctx // of all that is made
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex // guards what follows
	all    map[string]*api.Export
	closed bool
}

// The bounds of exports.
const (
	maxExports = 16 // that wait
	exportTime = 6 * time.Hour
)

const pending, complete, failed = "pending", "complete", "failed"

func newExports(file string, log *slog.Logger) *exports {
	ctx, stop := context.WithCancel(context.Background())
	return &exports{log: log, notes: notes{file}, ctx: ctx, stop: stop, all: make(map[string]*api.Export)}
}

// of is how far the export of a recording is, or nil if there is nothing to say.
func (e *exports) of(id string) *api.Export {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.all[id]
}

// begin has a recording exported, unless it is already; find finds it, and done is called
// at the end.
func (e *exports) begin(id string, find func(context.Context) (found, error), done func()) (api.Export, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.all[id]; now != nil && now.State == pending {
		return *now, nil
	}
	if e.closed || len(e.owed()) >= maxExports {
		return api.Export{}, api.ErrUnderWay
	}
	started := &api.Export{State: pending}
	e.all[id] = started
	if err := e.save(); err != nil {
		e.log.Warn("an export would be forgotten by a restart", "recording", id, "error", err)
	}
	e.running.Go(func() {
		ctx, cancel := context.WithTimeout(e.ctx, exportTime)
		defer cancel()
		c, err := find(ctx)
		if err == nil {
			err = makeExport(ctx, c)
		}
		e.end(id, err)
		done()
	})
	return *started, nil
}

// end notes how an export went. One that ends with the process is owed still.
func (e *exports) end(id string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil:
		e.all[id] = &api.Export{State: complete}
	case e.ctx.Err() != nil:
		e.log.Info("an export goes on at the next start", "recording", id)
		return
	default:
		e.all[id] = &api.Export{State: failed, Message: err.Error()}
		e.log.Warn("a recording could not be exported", "recording", id, "error", err)
	}
	if err := e.save(); err != nil {
		e.log.Warn("an export will be made again after a restart", "recording", id, "error", err)
	}
}

// close ends what is under way, which leaves nothing that looks like a whole file.
func (e *exports) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.stop()
	e.running.Wait()
}

// owed lists the recordings whose export is under way. The caller holds mu.
func (e *exports) owed() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(e.all)), func(id string) bool { return e.all[id].State != pending })
}

func (e *exports) save() error { return e.notes.write(e.owed()) }

// left lists what the process before owes.
func (e *exports) left() []string {
	ids, err := e.notes.read()
	if err != nil {
		e.log.Warn("what was to be exported is not known: export it again", "error", err)
	}
	return ids[:min(len(ids), maxExports)]
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
	for _, f := range slices.Backward(files) { // the first one, by which it is found, when all are there
		if err := large.PutLarge(ctx, store.Object{Key: c.Prefix + "/" + f.Name, Body: f.Body, Size: f.Size, Type: "video/mp4"}); err != nil {
			return err
		}
	}
	return nil
}
