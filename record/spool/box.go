package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"weir/pipeline"
	"weir/pipeline/service/store"
)

// Options configure a Box.
type Options struct {
	// Most bounds what is in the spool, in bytes; Reserve is what stays free of its file
	// system. At either, recordings pause: what is owed is never thrown away.
	Most, Reserve int64
	// Parallel is how many objects are uploaded at once.
	Parallel int
	// Rate bounds all uploads together in bytes a second; 0 does not.
	Rate int64
	// Keep says for a pipeline how long its recordings stay in the store; may be nil.
	Keep func(pipeline string) Keep
	// Export makes the files of a complete recording that asked for some. It is called
	// anew until it and the putting of what it makes succeed. May be nil.
	Export func(context.Context, store.Store, *Manifest) ([]Export, error)
	// Follow is told of each upload; may be nil.
	Follow pipeline.Follower
	// Fault is asked before an operation on a file whether it fails, in tests.
	Fault func(op, name string) error
	// Tell is told what has become of a recording, and keeps nobody waiting. May be nil.
	Tell func(kind string, r *Recording, data any)
	Log  *slog.Logger
}

// Box is the part of a spool that belongs to one store, and what uploads from it.
type Box struct {
	opts  atomic.Pointer[Options]
	log   *slog.Logger
	root  *os.Root
	path  string
	lock  *os.File
	store atomic.Pointer[store.Store]
	limit limiter

	used      atomic.Int64 // bytes in the spool
	mu        sync.Mutex   // guards live, report and exporting
	live      map[string]*Writer
	report    Report
	exporting string           // a session
	known     map[string]*held // of the goroutine
	kept      time.Time        // when retention was last looked at
	wake      chan struct{}
	owing     chan struct{} // something is to be exported
	closing   chan struct{}
	once      sync.Once
	ended     chan struct{}
}

// Report is what the uploading is doing.
type Report struct {
	// Backlog is what is owed to the store.
	Backlog      int64 // bytes
	BacklogFiles int
	// Oldest is since when the oldest of it waits; zero if nothing does.
	Oldest time.Time
	// Problem says why nothing is uploaded; "" if all is well.
	Problem  string
	Uploaded int64 // bytes
	Objects  int
	Failures int
	Damaged  int
	// ExportProblem says why what should be exported is not; "" if all is well.
	ExportProblem string
}

// Open opens the Box of a store below the directory spool, and begins to upload what is
// there. Only one process at a time can.
func Open(spool, address string, s store.Store, opts Options) (*Box, error) {
	path := filepath.Join(spool, boxName(address))
	if err := os.MkdirAll(filepath.Join(path, keptDir), 0o755); err != nil {
		return nil, fmt.Errorf("make the spool: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	lock, err := root.OpenFile("lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("another weir uses the spool %s: give each one its own (%w)", path, err)
	}
	b := &Box{
		log: opts.Log, root: root, path: path, lock: lock,
		live: make(map[string]*Writer), known: make(map[string]*held),
		wake: make(chan struct{}, 1), owing: make(chan struct{}, 1),
		closing: make(chan struct{}), ended: make(chan struct{}),
	}
	b.Configure(s, opts)
	b.count()
	b.poke()
	ctx, cancel := context.WithCancel(context.Background())
	var exports sync.WaitGroup
	exports.Go(func() { b.exports(ctx) })
	go b.run(ctx, func() { cancel(); exports.Wait() })
	return b, nil
}

// boxName is a name for the directory of a store.
func boxName(address string) string {
	sum := sha256.Sum256([]byte(address))
	text := regexp.MustCompile(`[^A-Za-z0-9.]+`).ReplaceAllString(address, "-")
	return text[:min(len(text), 60)] + "-" + hex.EncodeToString(sum[:4])
}

// Configure changes how the store is reached, its keys say, and the options but for
// the log.
func (b *Box) Configure(s store.Store, opts Options) {
	b.store.Store(&s)
	b.opts.Store(&opts)
	b.limit.set(opts.Rate)
	b.poke()
}

// Store is the store as it was last configured.
func (b *Box) Store() store.Store { return *b.store.Load() }

// count adds up what is in the spool.
func (b *Box) count() {
	var n int64
	_ = fs.WalkDir(b.root.FS(), ".", func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // an estimate
		}
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	b.used.Store(n)
}

func (b *Box) free() (int64, error) {
	if b.opts.Load().Fault != nil {
		if err := b.opts.Load().Fault("free", ""); err != nil {
			return 0, err
		}
	}
	return store.Free(b.path)
}

// Record begins a recording. A spool that cannot take it now is no error: the Writer
// says that it is paused, and tries again with each Begin.
func (b *Box) Record(meta Recording) (*Writer, error) {
	if !sessionName.MatchString(meta.Session) || !store.ValidKey(meta.Prefix) {
		return nil, fmt.Errorf("%q is no place for a recording", meta.Prefix)
	}
	w := &Writer{
		box: b, meta: meta, current: make(map[string]string),
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	b.mu.Lock()
	b.live[meta.Session] = w // before there is anything that could be taken for left behind
	b.mu.Unlock()
	if err := w.create(); err != nil {
		b.forget(w)
		return nil, fmt.Errorf("%s", reason(err))
	}
	b.told("recording.started", &w.meta, nil)
	go w.run()
	return w, nil
}

// create makes the directory and the journal of a recording.
func (w *Writer) create() error {
	b, session := w.box, w.meta.Session
	for _, dir := range []string{session, session + "/open", session + "/ready"} {
		if err := b.root.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	var err error
	if w.disk, err = b.disk(session); err != nil {
		return err
	}
	if w.journal, err = createJournal(w.disk); err == nil {
		err = w.journal.append(true, Entry{Recording: &w.meta})
	}
	if err != nil {
		_ = w.disk.Close()
	}
	return err
}

func (b *Box) disk(session string) (*disk, error) {
	root, err := b.root.OpenRoot(session)
	if err != nil {
		return nil, err
	}
	return &disk{Root: root, fault: b.opts.Load().Fault}, nil
}

// forget says that a recording is no longer under way.
func (b *Box) forget(w *Writer) {
	b.mu.Lock()
	delete(b.live, w.meta.Session)
	b.mu.Unlock()
	b.poke()
}

func (b *Box) alive(session string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live[session] != nil
}

// poke wakes the goroutine.
func (b *Box) poke() { signal(b.wake) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Report is what the uploading is doing.
func (b *Box) Report() Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.report
}

// told makes known what has become of a recording.
func (b *Box) told(kind string, r *Recording, data map[string]any) {
	tell := b.opts.Load().Tell
	if tell == nil {
		return
	}
	all := map[string]any{"session": r.Session, "prefix": r.Prefix, "started": r.Started}
	maps.Copy(all, data)
	tell(kind, r, all)
}

func (b *Box) tell(f func(*Report)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.report)
}

// Close ends the uploading once all is uploaded, or the store does not take more, or ctx
// ends. What is left is uploaded after the next Open.
func (b *Box) Close(ctx context.Context) {
	b.once.Do(func() { close(b.closing) })
	select {
	case <-b.ended:
	case <-ctx.Done():
	}
}

// sessionName is a ULID.
var sessionName = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)

// sessions lists the recordings in the spool, oldest first.
func (b *Box) sessions() ([]string, error) {
	f, err := b.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	names = slices.DeleteFunc(names, func(n string) bool { return !sessionName.MatchString(n) })
	slices.Sort(names)
	return names, err
}

// How long to wait after a failure: doubled each time, with jitter.
const (
	firstWait = time.Second
	longest   = 30 * time.Second
	idle      = time.Minute
)

// run uploads until the Box is closed, and then calls stop.
func (b *Box) run(ctx context.Context, stop func()) {
	defer close(b.ended)
	defer func() { _ = errors.Join(b.lock.Close(), b.root.Close()) }()
	defer stop()
	if f := b.opts.Load().Follow; f != nil {
		ctx = pipeline.Followed(ctx, f)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures := 0
	closing := b.closing
	for {
		more, err := b.round(ctx)
		b.note(err)
		last := closing == nil && (err != nil || !more)
		if last {
			return
		}
		wait := idle
		switch {
		case err != nil:
			wait = jitter(min(firstWait<<min(failures, 10), longest))
			failures++
		case more:
			failures, wait = 0, 0
		default:
			failures = 0
		}
		timer.Reset(wait)
		wake := b.wake
		if err != nil {
			wake = nil // a new segment does not make the store better
		}
		select {
		case <-timer.C:
		case <-wake:
		case <-closing:
			closing = nil
		}
	}
}

// note reports how a round went, once for each change.
func (b *Box) note(err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	was := b.Report().Problem
	b.tell(func(r *Report) {
		r.Problem = problem
		if err != nil {
			r.Failures++
		}
	})
	switch {
	case problem == was:
	case problem != "":
		b.log.Error("recordings are not uploaded; they wait in the spool", "spool", b.path, "error", problem)
	default:
		b.log.Info("recordings are uploaded again", "spool", b.path)
	}
}
