package spool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/pipeline"
	"weir/pipeline/service/store"
)

// held is a recording in the spool as the uploading knows it.
type held struct {
	disk   *disk
	ledger ledger
	// ready and damaged are what was in these directories at the last look.
	ready, damaged map[string]bool
	// published is how many segments the playlists in the store list; -1 for none there.
	published int
}

// task is a file that is owed.
type task struct {
	held *held
	uri  string
	sum  string
	size int64
	of   *Segment // nil for an initialisation section
}

// round does some of what there is to do. It returns whether there is more.
func (b *Box) round(ctx context.Context) (more bool, err error) {
	sessions, err := b.sessions()
	if err != nil {
		return false, fmt.Errorf("look into the spool: %w", err)
	}
	var tasks []task
	var all []*held
	var failures []error
	for _, session := range sessions {
		h, err := b.look(session)
		if err != nil {
			failures = append(failures, fmt.Errorf("recording %s: %w", session, err))
			continue
		}
		all = append(all, h)
		tasks = append(tasks, h.owed()...)
	}
	b.backlog(all, tasks)
	few := tasks[:min(len(tasks), 8*max(1, b.opts.Load().Parallel))]
	if err := b.upload(ctx, few); err != nil {
		return false, errors.Join(append(failures, err)...)
	}
	for _, h := range all {
		if err := b.publish(ctx, h); err != nil {
			return false, errors.Join(append(failures, err)...)
		}
	}
	if time.Since(b.kept) > 10*time.Minute {
		b.kept = time.Now()
		failures = append(failures, b.retain(ctx))
	}
	return len(few) > 0, errors.Join(failures...)
}

// look brings what is known of a recording up to date, and repairs one that was left.
func (b *Box) look(session string) (*held, error) {
	live := b.alive(session) // before the journal is read: it may end meanwhile
	h := b.known[session]
	if h == nil {
		d, err := b.disk(session)
		if err != nil {
			return nil, err
		}
		h = &held{disk: d, published: -1}
		b.known[session] = h
	}
	err := h.ledger.refresh(h.disk)
	if errors.Is(err, fs.ErrNotExist) {
		if live {
			return h, nil // it is being made
		}
		// It was being removed, or nothing had come of it.
		return h, b.remove(session, h)
	}
	if err != nil {
		return nil, err
	}
	if h.ledger.recording.Session == "" && !live {
		return h, b.remove(session, h)
	}
	if !live && h.ledger.end == nil {
		if err := b.recover(h.disk, &h.ledger); err != nil {
			return nil, err
		}
		if err := h.ledger.refresh(h.disk); err != nil {
			return nil, err
		}
	}
	if h.ready, err = h.disk.set("ready"); err != nil {
		return nil, err
	}
	h.damaged, err = h.disk.set("damaged")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return h, err
}

func (d *disk) set(dir string) (map[string]bool, error) {
	names, err := d.names(dir)
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set, err
}

// owed lists what is written down and not in the store.
func (h *held) owed() (ts []task) {
	for _, i := range h.ledger.inits {
		if h.ready[fileOf(i.URI)] {
			ts = append(ts, task{h, i.URI, i.SHA256, i.Bytes, nil})
		}
	}
	for _, s := range h.ledger.segments {
		if h.ready[fileOf(s.URI)] {
			ts = append(ts, task{h, s.URI, s.SHA256, s.Bytes, &s})
		}
	}
	return ts
}

func (b *Box) backlog(all []*held, tasks []task) {
	var bytes int64
	var oldest time.Time
	for _, t := range tasks {
		bytes += t.size
	}
	for _, h := range all {
		for _, s := range h.ledger.segments {
			at := s.Start.Add(time.Duration(s.Seconds * float64(time.Second)))
			if h.ready[fileOf(s.URI)] && (oldest.IsZero() || at.Before(oldest)) {
				oldest = at
			}
		}
	}
	b.tell(func(r *Report) { r.Backlog, r.BacklogFiles, r.Oldest = bytes, len(tasks), oldest })
}

// upload puts files into the store, several at a time.
func (b *Box) upload(ctx context.Context, tasks []task) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, b.opts.Load().Parallel))
	var mu sync.Mutex // of what is known of recordings
	for _, t := range tasks {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			step, end := pipeline.Step(ctx, "upload")
			damaged, err := b.put(step, t)
			end(err)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			delete(t.held.ready, fileOf(t.uri))
			if damaged {
				t.held.damaged[fileOf(t.uri)] = true
			}
			b.used.Add(-t.size)
			b.tell(func(r *Report) {
				r.Backlog -= t.size
				r.BacklogFiles--
				r.Uploaded += t.size
				r.Objects++
			})
			if s := t.of; s != nil && !damaged {
				b.told("recording.segment.ready", &t.held.ledger.recording, map[string]any{
					"key": t.held.key("media/" + s.URI), "seq": s.Number, "rendition": s.Rendition,
					"segment_start": s.Start, "duration_seconds": s.Seconds, "bytes": s.Bytes,
				})
			}
			return nil
		})
	}
	return group.Wait()
}

// put uploads one file and then removes it. One whose content is not what was written
// is put aside.
func (b *Box) put(ctx context.Context, t task) (damaged bool, err error) {
	d, name := t.held.disk, "ready/"+fileOf(t.uri)
	f, err := d.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return false, fmt.Errorf("read the spool: %w", err)
	}
	if n != t.size || hex.EncodeToString(sum.Sum(nil)) != t.sum {
		b.log.Error("a segment has changed on the disk of the spool; it is put aside", "file", t.uri, "session", t.held.ledger.recording.Session)
		b.tell(func(r *Report) { r.Damaged++ })
		if err := d.Mkdir("damaged", 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return false, err
		}
		return true, d.Rename(name, "damaged/"+fileOf(t.uri))
	}
	o := store.Object{
		Key: t.held.key("media/" + t.uri), Body: &limited{f, &b.limit}, Size: t.size,
		Sum: [32]byte(sum.Sum(nil)), Type: "video/mp4", Fixed: true,
	}
	if err := (*b.store.Load()).Put(ctx, o); err != nil {
		return false, err
	}
	return false, d.Remove(name)
}

func (h *held) key(name string) string { return h.ledger.recording.Prefix + "/" + name }

// putText puts something small that was made from the journal.
func (b *Box) putText(ctx context.Context, key, kind string, text []byte, fixed bool) error {
	return (*b.store.Load()).Put(ctx, store.Object{
		Key: key, Body: bytes.NewReader(text), Size: int64(len(text)), Sum: sha256.Sum256(text), Type: kind, Fixed: fixed,
	})
}

// publish brings the playlists of a recording up to date, and closes it once it has
// ended and all of it is in the store.
func (b *Box) publish(ctx context.Context, h *held) error {
	l := &h.ledger
	if l.recording.Session == "" {
		return nil // it is gone
	}
	segments := h.inStore()
	over := l.end != nil && len(h.owed()) == 0
	if over && len(l.segments) == 0 {
		return b.remove(l.recording.Session, h) // nothing was recorded
	}
	if len(segments) == 0 || len(segments) == h.published && !over {
		return nil
	}
	if h.published < 0 {
		if err := b.putText(ctx, h.key("events/recording-started.json"), jsonType, l.started(), true); err != nil {
			return err
		}
	}
	for name, text := range playlists(l, segments, over) {
		if err := b.putText(ctx, h.key("media/"+name), "application/vnd.apple.mpegurl", text, false); err != nil {
			return err
		}
	}
	h.published = len(segments)
	if !over {
		return nil
	}
	manifest := l.manifest(segments)
	text := manifest.encode()
	if err := b.putText(ctx, h.key("manifest.json"), jsonType, text, false); err != nil {
		return err
	}
	if err := b.putText(ctx, h.key("events/recording-ended.json"), jsonType, manifest.ended(), false); err != nil {
		return err
	}
	if err := b.keep(l, manifest); err != nil {
		return err
	}
	b.kept = time.Time{}
	b.told("recording.completed", &l.recording, map[string]any{
		"ended": manifest.Ended, "reason": manifest.Reason, "duration_seconds": manifest.Seconds, "bytes": manifest.Bytes,
	})
	b.log.Info("a recording is complete", "pipeline", l.recording.Pipeline, "prefix", l.recording.Prefix, "seconds", manifest.Seconds)
	return b.remove(l.recording.Session, h)
}

const jsonType = "application/json"

// inStore lists the segments up to the first that is not in the store in all renditions.
// Those that have been lost are among them, and say so.
func (h *held) inStore() []Segment {
	var segs []Segment
	first := -1 // number of the first that is owed
	for _, s := range h.ledger.segments {
		if h.ready[fileOf(s.URI)] && (first < 0 || s.Number < first) {
			first = s.Number
		}
	}
	last := -1
	for _, s := range h.ledger.segments {
		last = max(last, s.Number)
	}
	for _, s := range h.ledger.segments {
		if first >= 0 && s.Number >= first {
			continue
		}
		if s.Number == last && h.ledger.end == nil && len(h.renditionsOf(s.Number)) != len(h.begunOf(s.Number)) {
			continue // its other renditions are about to be written down
		}
		if h.damaged[fileOf(s.URI)] {
			s.Missing = "damaged on the disk of the spool"
		}
		segs = append(segs, s)
	}
	return segs
}

func (h *held) renditionsOf(number int) []Segment { return numbered(h.ledger.segments, number) }
func (h *held) begunOf(number int) []Segment      { return numbered(h.ledger.begun, number) }

func numbered(all []Segment, number int) (some []Segment) {
	for i := len(all) - 1; i >= 0 && all[i].Number >= number; i-- {
		if all[i].Number == number {
			some = append(some, all[i])
		}
	}
	return some
}

// remove takes a recording out of the spool: the journal last, so that a crash in
// between leaves one that can be removed again.
func (b *Box) remove(session string, h *held) error {
	for _, dir := range []string{"open", "ready", "damaged"} {
		if err := h.disk.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := h.disk.Close(); err != nil {
		return err
	}
	delete(b.known, session)
	h.ledger = ledger{}
	defer b.count()
	return b.root.RemoveAll(session)
}

// jitter takes up to a fifth off.
func jitter(d time.Duration) time.Duration { return d - time.Duration(rand.Int64N(int64(d/5)+1)) }

// limiter spreads bytes over time.
type limiter struct {
	mu   sync.Mutex // guards what follows
	rate int64      // bytes a second; 0 is no limit
	due  time.Time
}

func (l *limiter) set(rate int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
}

func (l *limiter) wait(n int) {
	l.mu.Lock()
	if l.rate <= 0 {
		l.mu.Unlock()
		return
	}
	now := time.Now()
	if l.due.Before(now) {
		l.due = now
	}
	wait := l.due.Sub(now)
	l.due = l.due.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	l.mu.Unlock()
	if wait > 0 {
		<-time.After(wait)
	}
}

// limited is a file that is read no faster than the limiter lets it.
type limited struct {
	io.ReaderAt
	limit *limiter
}

func (l *limited) ReadAt(b []byte, off int64) (int, error) {
	n, err := l.ReaderAt.ReadAt(b, off)
	l.limit.wait(n)
	return n, err
}
