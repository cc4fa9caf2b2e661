package desired

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a watched file must rest before it is read: editors write in
// several steps.
const settle = 100 * time.Millisecond

// Run reloads on SIGHUP, and with watch whenever the file changes, until ctx ends.
func (d *Desired) Run(ctx context.Context, watch bool) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	var changes <-chan time.Time
	if watch {
		c, stop, err := watchFile(d.opts.Path)
		if err != nil {
			d.opts.Log.Error("the configuration file cannot be watched; send SIGHUP instead", "err", err)
		} else {
			defer stop()
			changes = c
		}
	}
	for {
		select {
		case <-hup:
			d.Reload()
		case <-changes:
			if d.differs() {
				d.Reload()
			}
		case <-ctx.Done():
			return
		}
	}
}

// differs says whether the file is another one than that in force: it is not after the
// server itself has written it.
func (d *Desired) differs() bool {
	text, err := d.opts.Read()
	d.mu.Lock()
	defer d.mu.Unlock()
	return err != nil || versionOf(text) != d.version
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
