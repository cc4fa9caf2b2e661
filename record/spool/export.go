package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"weir/pipeline/service/store"
)

// Export is a file that is made of a complete recording and kept beside it.
type Export struct {
	Name string // in the recording's place
	Body io.ReaderAt
	Size int64
}

// longestExport is the longest time between two tries to make the same export.
const longestExport = time.Hour

// exports makes what complete recordings owe, one after the other, until ctx ends. It is
// beside the uploading, which goes on meanwhile: what is not on any disk yet is more
// urgent. What is not done then is done behind the next Open.
func (b *Box) exports(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for failures := 0; ctx.Err() == nil; {
		wait := idle
		if err := b.exportAll(ctx); err != nil && ctx.Err() == nil {
			wait = jitter(min(firstWait<<min(failures, 20), longestExport))
			failures++
			b.tell(func(r *Report) { r.ExportProblem = err.Error() })
			b.log.Warn("a recording is not exported yet", "spool", b.path, "next_try_in", wait.Round(time.Second), "error", err)
		} else {
			failures = 0
			b.tell(func(r *Report) { r.ExportProblem = "" })
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-b.owing:
		}
	}
}

// exportAll tries to make each export that is owed.
func (b *Box) exportAll(ctx context.Context) error {
	ks, err := b.all()
	failures := []error{err}
	for _, k := range ks {
		if k.Export == "" || ctx.Err() != nil {
			continue
		}
		b.setExporting(k.Session)
		if err := b.export(ctx, k); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", k.Prefix, err))
		}
		b.setExporting("")
		b.poke() // it can be deleted
	}
	return errors.Join(failures...)
}

// setExporting says which recording must not be deleted now.
func (b *Box) setExporting(session string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exporting = session
}

func (b *Box) isExporting(session string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.exporting == session
}

// export makes the files of one recording, and notes that it owes none any more.
func (b *Box) export(ctx context.Context, k kept) error {
	if _, err := b.root.Stat(k.file()); err != nil {
		return nil //nolint:nilerr // it was deleted meanwhile
	}
	opts, s := b.opts.Load(), *b.store.Load()
	large, ok := s.(store.Large)
	if opts.Export == nil || !ok {
		return errors.New("this store takes no large files")
	}
	r, err := s.Get(ctx, k.Prefix+"/manifest.json", 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := ReadManifest(r)
	if err != nil {
		return err
	}
	files, err := opts.Export(ctx, s, m)
	if err != nil {
		return err
	}
	for _, f := range files {
		o := store.Object{Key: k.Prefix + "/" + f.Name, Body: &limited{f.Body, &b.limit}, Size: f.Size, Type: "video/mp4"}
		if err := large.PutLarge(ctx, o); err != nil {
			return err
		}
		k.Bytes += f.Size
	}
	b.log.Info("a recording was exported", "pipeline", k.Pipeline, "prefix", k.Prefix, "files", len(files))
	k.Export = ""
	return b.remember(k)
}

// abandon removes what is in the store of an export that will not be finished. Those of
// several files are put in turn, so it is the one behind those that are whole.
func (b *Box) abandon(ctx context.Context, k kept, whole int) error {
	large, ok := (*b.store.Load()).(store.Large)
	if k.Export == "" || !ok {
		return nil
	}
	return errors.Join(
		large.Abandon(ctx, k.Prefix+"/"+ExportName(0)),
		large.Abandon(ctx, k.Prefix+"/"+ExportName(whole+1)),
	)
}

// ExportName is the name of the n-th file, from 1 on, that a recording is exported as; 0
// is the only one.
func ExportName(n int) string {
	if n == 0 {
		return "export.mp4"
	}
	return fmt.Sprintf("export-%d.mp4", n)
}
