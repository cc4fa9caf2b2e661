package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"weir/pipeline"
	"weir/pipeline/config"
)

// settle is how long a watched file must rest before it is read: editors write in
// several steps.
const settle = 100 * time.Millisecond

// reloader takes a running server to what its file says now.
type reloader struct {
	server *server
	source *source
	file   *config.File // in force
}

// run reloads on SIGHUP, and with watch whenever the file changes.
func (r *reloader) run(ctx context.Context, watch bool) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	var changes <-chan time.Time
	if watch {
		c, stop, err := watchFile(r.source.path)
		if err != nil {
			r.server.log.Error("the configuration file cannot be watched; send SIGHUP instead", "err", err)
		} else {
			defer stop()
			changes = c
		}
	}
	for {
		select {
		case <-hup:
			r.reload()
		case <-changes:
			r.reload()
		case <-ctx.Done():
			return
		}
	}
}

// reload applies the file if it is good, and changes nothing if it is not.
func (r *reloader) reload() {
	log := r.server.log.With("file", r.source.name)
	file, err := r.source.load(r.server.registry)
	if err != nil {
		var problems config.Problems
		if !errors.As(err, &problems) {
			log.Error("configuration not applied", "err", err)
			return
		}
		for _, p := range problems {
			log.Error("configuration not applied: "+p.Message, "line", p.Line, "column", p.Column, "help", p.Hint)
		}
		return
	}
	for _, change := range changes(r.file.Plans, file.Plans) {
		log.Info("configuration: "+change.what, "pipeline", change.pattern)
	}
	if !reflect.DeepEqual(r.file.Server, file.Server) {
		log.Warn("the server section changed; that takes effect after a restart")
	}
	if err := r.server.apply(file.Plans); err != nil {
		log.Error("some of the configuration could not be applied", "err", err)
	}
	r.server.watching.say("config.applied", map[string]any{"file": r.source.name, "changes": summaryOf(changes(r.file.Plans, file.Plans))})
	r.file = file
	log.Info("configuration applied")
}

// change is what a new file does to one pipeline.
type change struct{ pattern, what string }

// changes compares the pipelines of two files.
func changes(from, to []*pipeline.Plan) []change {
	var out []change
	find := func(plans []*pipeline.Plan, like *pipeline.Plan) *pipeline.Plan {
		for _, p := range plans {
			if p.Def.Pattern.String() == like.Def.Pattern.String() {
				return p
			}
		}
		return nil
	}
	for _, plan := range to {
		switch old := find(from, plan); old {
		case nil:
			out = append(out, change{plan.Def.Pattern.String(), "new pipeline"})
		default:
			out = append(out, change{plan.Def.Pattern.String(), pipeline.Diff(old, plan).String()})
		}
	}
	for _, plan := range from {
		if find(to, plan) == nil {
			out = append(out, change{plan.Def.Pattern.String(), "removed: its streams end"})
		}
	}
	return out
}

// watchFile tells when a file was changed and has come to rest. It watches the
// folder, because editors replace files.
func watchFile(path string) (<-chan time.Time, func(), error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, nil, err
	}
	if err := w.Add(filepath.Dir(path)); err != nil {
		_ = w.Close()
		return nil, nil, err
	}
	out := make(chan time.Time, 1)
	rest := time.AfterFunc(time.Hour, func() {
		select {
		case out <- time.Now():
		default:
		}
	})
	rest.Stop()
	go func() {
		for e := range w.Events {
			if filepath.Clean(e.Name) == filepath.Clean(path) {
				rest.Reset(settle)
			}
		}
	}()
	return out, func() { rest.Stop(); _ = w.Close() }, nil
}
