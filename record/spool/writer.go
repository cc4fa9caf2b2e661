package spool

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io/fs"
	"sync"
	"time"
)

// Start is the beginning of a segment in all renditions.
type Start struct {
	At            time.Time
	Discontinuity bool
	Parts         []Part
}

// Part is a rendition of a segment. New is its initialisation section if that is
// another one than before.
type Part struct {
	Rendition string
	Ext       string
	New       *Section
}

// Section is an initialisation section with its content.
type Section struct {
	Init Init // without URI, size and sum
	Data []byte
}

// Chunk is a fragment of one rendition.
type Chunk struct {
	Part    int // the place in Start.Parts
	Data    []byte
	Seconds float64
}

// op is what the goroutine of a Writer does: one of its fields is set.
type op struct {
	begin  *Start
	chunks []Chunk
	event  *Event
	end    *Event
}

// maxQueue bounds what waits for the disk, in bytes and in operations.
const (
	maxQueue = 32 << 20
	maxOps   = 512
)

// Writer writes one recording. Its methods never wait for a disk; what they are given
// belongs to it.
type Writer struct {
	box  *Box
	disk *disk
	meta Recording

	mu     sync.Mutex // guards what follows
	queue  []op
	queued int // bytes
	oldest time.Time
	paused string
	begins int // in the queue or being done
	stats  Stats
	closed bool

	wake  chan struct{}
	ended chan struct{}

	// What follows belongs to the goroutine.
	journal *journal
	number  int
	inits   int
	current map[string]string // URI of a rendition's section
	open    []*part
}

// part is a segment's file under way.
type part struct {
	seg  Segment
	file *file
	sum  hash.Hash
}

// Stats is what a Writer has done.
type Stats struct {
	Segments int
	Bytes    int64
	Seconds  float64
	// Dropped counts fragments that the disk had no time or no space for.
	Dropped int
	// Lost is how long the stream in them was, in seconds.
	Lost float64
}

// drop counts fragments of one second of the stream, all of which have its length.
func (s *Stats) drop(chunks []Chunk) {
	s.Dropped += len(chunks)
	if len(chunks) > 0 {
		s.Lost += chunks[0].Seconds
	}
}

// offer queues an operation, unless too much waits already.
func (w *Writer) offer(o op, size int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || o.end == nil && (w.queued+size > maxQueue || len(w.queue) >= maxOps) {
		w.stats.drop(o.chunks)
		if !w.closed {
			w.paused = diskSlow
		}
		return false
	}
	if o.begin != nil {
		w.begins++
	}
	if len(w.queue) == 0 {
		w.oldest = time.Now()
	}
	w.queue = append(w.queue, o)
	w.queued += size
	w.closed = o.end != nil
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return true
}

// Begin starts a segment, which ends the one before it. After a pause it is what tries
// whether there is space again.
func (w *Writer) Begin(s Start) bool { return w.offer(op{begin: &s}, 0) }

// Append adds a fragment to the segment under way.
func (w *Writer) Append(chunks []Chunk) bool {
	size := 0
	for _, c := range chunks {
		size += len(c.Data)
	}
	return w.offer(op{chunks: chunks}, size)
}

// Note puts an event into the journal.
func (w *Writer) Note(e Event) { w.offer(op{event: &e}, 0) }

// End ends the recording. Ended is closed once all is on disk.
func (w *Writer) End(reason string) {
	w.offer(op{end: &Event{At: time.Now().UTC(), What: "ended", Reason: reason}}, 0)
}

// Ended is closed when the goroutine has ended.
func (w *Writer) Ended() <-chan struct{} { return w.ended }

// Refused says that the disk does not take the segment begun last: another one is to be
// begun. Whether it takes one is known a while after its beginning.
func (w *Writer) Refused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paused != "" && w.begins == 0
}

// Paused says why the disk takes nothing at present; "" if it does.
func (w *Writer) Paused() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paused
}

// Unflushed is for how long the oldest fragment has waited for the disk.
func (w *Writer) Unflushed() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return 0
	}
	return time.Since(w.oldest)
}

// Stats is what the Writer has done so far.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Meta is what the recording's journal begins with.
func (w *Writer) Meta() Recording { return w.meta }

func (w *Writer) run() {
	defer close(w.ended)
	defer w.box.forget(w)
	for range w.wake {
		for {
			o, ok := w.take()
			if !ok {
				break
			}
			if w.do(o); o.end != nil {
				return
			}
		}
	}
}

// take is the next thing to do.
func (w *Writer) take() (op, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return op{}, false
	}
	o := w.queue[0]
	w.queue = w.queue[1:]
	for _, c := range o.chunks {
		w.queued -= len(c.Data)
	}
	w.oldest = time.Now()
	return o, true
}

func (w *Writer) do(o op) {
	switch {
	case o.begin != nil:
		w.finish(false)
		err := w.space()
		if err == nil {
			err = w.begin(o.begin)
		}
		if err != nil {
			w.finish(false)
		}
		w.pause(err)
		w.judged()
	case o.chunks != nil:
		w.write(o.chunks)
	case o.event != nil:
		_ = w.journal.append(false, Entry{Event: o.event}) // kept if there is no space
	case o.end != nil:
		w.finish(false)
		if err := w.journal.append(true, Entry{End: o.end}); err != nil {
			w.box.log.Warn("the end of a recording could not be written down", "session", w.meta.Session, "error", err)
		}
		_ = w.journal.close()
		_ = w.disk.Close()
	}
}

// judged notes that what paused says is about the oldest segment that was to begin, too.
func (w *Writer) judged() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begins--
}

// pauseError is a reason in words.
type pauseError string

func (p pauseError) Error() string { return string(p) }

// pause notes why nothing can be written, or that it can again.
func (w *Writer) pause(err error) {
	why := ""
	var said pauseError
	switch {
	case errors.As(err, &said):
		why = string(said)
	case err != nil:
		why = reason(err)
	}
	w.mu.Lock()
	was := w.paused
	w.paused = why
	w.mu.Unlock()
	switch {
	case was == why:
	case why != "":
		w.box.log.Error("recording paused", "pipeline", w.meta.Pipeline, "stage", w.meta.Stage, "reason", why)
		_ = w.journal.append(false, Entry{Event: &Event{At: time.Now().UTC(), What: "paused", Reason: why}})
		w.box.told("recording.paused", &w.meta, map[string]any{"message": why})
	default:
		w.box.log.Info("recording again", "pipeline", w.meta.Pipeline, "stage", w.meta.Stage)
		_ = w.journal.append(false, Entry{Event: &Event{At: time.Now().UTC(), What: "resumed"}})
		w.box.told("recording.resumed", &w.meta, nil)
	}
}

// space says whether there is room for more.
func (w *Writer) space() error {
	if w.box.used.Load() >= w.box.opts.Load().Most {
		return pauseError(spoolFull)
	}
	free, err := w.box.free()
	if err == nil && free < w.box.opts.Load().Reserve {
		return pauseError(diskFull)
	}
	return err
}

// begin opens the files of a segment.
func (w *Writer) begin(s *Start) error {
	var entries []Entry
	for _, p := range s.Parts {
		if p.New != nil {
			uri, err := w.section(p)
			if err != nil {
				return err
			}
			w.current[p.Rendition] = uri
		}
		seg := Segment{
			URI: p.Rendition + "/" + digits(w.number) + p.Ext, Rendition: p.Rendition, Number: w.number,
			Init: w.current[p.Rendition], Start: s.At, Discontinuity: s.Discontinuity && w.number > 0,
		}
		entries = append(entries, Entry{Begin: &seg})
	}
	w.number++
	if err := w.journal.append(false, entries...); err != nil {
		return err
	}
	for _, e := range entries {
		f, err := w.disk.create("open/" + fileOf(e.Begin.URI))
		if err != nil {
			return err
		}
		w.open = append(w.open, &part{seg: *e.Begin, file: f, sum: sha256.New()})
	}
	return nil
}

// section writes an initialisation section.
func (w *Writer) section(p Part) (uri string, err error) {
	i := p.New.Init
	i.URI, i.Rendition = p.Rendition+"/init-"+itoa(w.inits)+".mp4", p.Rendition
	w.inits++
	i.Bytes = int64(len(p.New.Data))
	sum := sha256.Sum256(p.New.Data)
	i.SHA256 = hex.EncodeToString(sum[:])
	name := fileOf(i.URI)
	f, err := w.disk.create("open/" + name)
	if err != nil {
		return "", err
	}
	_, err = f.Write(p.New.Data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, w.disk.Remove("open/"+name))
	}
	if err := w.disk.Rename("open/"+name, "ready/"+name); err != nil {
		return "", err
	}
	w.box.used.Add(i.Bytes)
	return i.URI, w.journal.append(true, Entry{Init: &i})
}

// write appends a fragment. A disk that does not take it keeps what it has as a whole
// segment.
func (w *Writer) write(chunks []Chunk) {
	if len(w.open) == 0 {
		w.drop(chunks)
		return
	}
	if err := w.space(); err != nil {
		w.finish(false)
		w.drop(chunks)
		w.pause(err)
		return
	}
	for n, c := range chunks {
		p := w.open[c.Part]
		if _, err := p.file.Write(c.Data); err != nil {
			_ = p.file.Truncate(p.seg.Bytes) // recovery would cut it as well
			w.finish(true)
			w.drop(chunks[n:])
			w.pause(err)
			return
		}
		p.sum.Write(c.Data)
		p.seg.Bytes += int64(len(c.Data))
		p.seg.Seconds += c.Seconds
		w.box.used.Add(int64(len(c.Data)))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Seconds += chunks[0].Seconds
}

func (w *Writer) drop(chunks []Chunk) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.drop(chunks)
}

// finish ends the segment under way: its files are synced, moved and written down, in
// that order.
func (w *Writer) finish(suspect bool) {
	for _, p := range w.open {
		if err := w.settle(p, suspect); err != nil {
			w.pause(err)
		}
	}
	w.open = nil
	w.box.poke()
}

func (w *Writer) settle(p *part, suspect bool) error {
	name := fileOf(p.seg.URI)
	if p.seg.Bytes == 0 {
		err := errors.Join(p.file.Close(), w.disk.Remove("open/"+name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	failed := p.file.Sync()
	p.seg.Suspect = suspect || failed != nil
	p.seg.SHA256 = hex.EncodeToString(p.sum.Sum(nil))
	_ = p.file.Close() // after the sync it has nothing to lose
	if err := w.disk.Rename("open/"+name, "ready/"+name); err != nil {
		return errors.Join(failed, err)
	}
	w.mu.Lock()
	w.stats.Segments++
	w.stats.Bytes += p.seg.Bytes
	w.mu.Unlock()
	return errors.Join(failed, w.journal.append(true, Entry{Segment: &p.seg}))
}
