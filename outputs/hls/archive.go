package hls

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// archive keeps the segments of a window in files. Its one goroutine does all
// writing and deleting, so that a slow disk delays nobody; what it cannot write in
// time is missing from the window.
type archive struct {
	root *os.Root
	log  *slog.Logger
	// limit bounds the bytes in files.
	limit int64

	mu     sync.Mutex // guards what follows
	writes []*segment
	queued int64 // bytes in writes
	gone   []string
	stored map[string]int64 // sizes of complete files in bytes
	used   int64            // their sum
	busy   bool             // between taking something to do and having done it
	closed bool

	wake  chan struct{}
	ended chan struct{}
}

// Bounds of what waits for the disk.
const (
	maxWrites      = 64
	maxWriteBytes  = 64 << 20
	archiveGrace   = 5 * time.Second // for the last write
	archiveWarning = 10 * time.Second
)

// directoryOf is the name of a path's directory: its segments cannot contain "+".
func directoryOf(path string) string { return strings.ReplaceAll(path, "/", "+") }

// openArchive opens the directory of a path, to hold up to limit bytes, and empties
// it but for the files that keep names. The caller must call close.
func openArchive(directory, path string, limit int64, keep map[string]bool, log *slog.Logger) (*archive, error) {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, fmt.Errorf("window: %w", err)
	}
	top, err := os.OpenRoot(directory)
	if err != nil {
		return nil, fmt.Errorf("window: %w", err)
	}
	defer top.Close()
	sub := directoryOf(path)
	if err := top.Mkdir(sub, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("window: %w", err)
	}
	root, err := top.OpenRoot(sub)
	if err != nil {
		return nil, fmt.Errorf("window: %w", err)
	}
	a := &archive{
		root: root, log: log, limit: limit, stored: make(map[string]int64),
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if err := a.clean(keep); err != nil {
		root.Close()
		return nil, fmt.Errorf("window: %w", err)
	}
	go a.run()
	return a, nil
}

// clean removes what an earlier run has left, but for what is in keep.
func (a *archive) clean(keep map[string]bool) error {
	dir, err := a.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if info, err := a.root.Lstat(name); keep[name] && err == nil {
			a.stored[name] = info.Size()
			a.used += info.Size()
		} else if err := a.root.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// write queues a segment. It does not block.
func (a *archive) write(seg *segment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || len(a.writes) >= maxWrites || a.queued+seg.bytes > maxWriteBytes {
		return
	}
	a.writes = append(a.writes, seg)
	a.queued += seg.bytes
	a.signal()
}

// forget queues files for deletion. It does not block.
func (a *archive) forget(names ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range names {
		if size, ok := a.stored[name]; ok {
			delete(a.stored, name)
			a.used -= size
			a.gone = append(a.gone, name)
		}
	}
	a.signal()
}

// has says whether the file of that name is complete.
func (a *archive) has(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.stored[name]
	return ok
}

// over is by how many bytes the files exceed the limit.
func (a *archive) over() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used + a.queued - a.limit
}

// open opens the file of a segment for reading.
func (a *archive) open(name string) (*os.File, error) { return a.root.Open(name) }

// signal wakes the goroutine. The caller holds a.mu.
func (a *archive) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// close ends the goroutine once what is queued has been written; that stays
// readable. It waits for a slow disk only for a while.
func (a *archive) close() {
	a.mu.Lock()
	a.closed = true
	a.signal()
	a.mu.Unlock()
	select {
	case <-a.ended:
	case <-time.After(archiveGrace):
		a.log.Warn("the disk is too slow, leaving the rest of the window to it")
	}
}

// remove deletes all files, after close.
func (a *archive) remove() {
	if err := a.clean(nil); err != nil {
		a.log.Warn("could not delete the window's files", "error", err)
	}
	a.root.Close()
}

// run does the work until close.
func (a *archive) run() {
	defer close(a.ended)
	c := complaint{log: a.log}
	for range a.wake {
		for {
			seg, gone, more := a.take()
			if !more {
				return
			}
			for _, name := range gone {
				_ = a.root.Remove(name) // clean tries again
			}
			if seg != nil {
				c.note(a.save(seg))
			} else if len(gone) == 0 {
				break
			}
		}
	}
}

// complaint warns of segments that were not kept, now and then.
type complaint struct {
	log  *slog.Logger
	last time.Time
	lost int
}

func (c *complaint) note(err error) {
	if err == nil {
		return
	}
	c.lost++
	if now := time.Now(); now.Sub(c.last) >= archiveWarning {
		c.log.Warn("could not keep segments of the window", "segments", c.lost, "error", err)
		c.last, c.lost = now, 0
	}
}

// take is the next thing to do; no more after close.
func (a *archive) take() (seg *segment, gone []string, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	gone, a.gone = a.gone, nil
	a.busy = len(gone) > 0 || len(a.writes) > 0
	if a.closed && len(a.writes)+len(gone) == 0 {
		return nil, nil, false
	}
	if len(a.writes) > 0 {
		seg, a.writes = a.writes[0], a.writes[1:]
		a.queued -= seg.bytes
	}
	return seg, gone, true
}

// save writes a segment to its file.
func (a *archive) save(seg *segment) error {
	f, err := a.root.OpenFile(seg.name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for _, p := range seg.parts {
		if _, err = f.Write(p.data()); err != nil {
			break
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, a.root.Remove(seg.name))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stored[seg.name] = seg.bytes
	a.used += seg.bytes
	return nil
}
