package observe

import (
	"context"
	"errors"
	"sort"
	"sync"
	"time"

	"weir/pipeline"
)

// Kept is how many events a Log remembers.
const Kept = 4096

// Log keeps the latest events and hands them to readers. Nobody waits for a reader: one
// that is too slow misses what the Log does not have any more, and is told so.
type Log struct {
	mu     sync.Mutex // guards what follows
	ids    ids
	events [Kept]Event
	count  uint64 // of all events ever; event n is at n % Kept
	more   chan struct{}
	closed bool
}

// NewLog makes an empty Log.
func NewLog() *Log { return &Log{more: make(chan struct{})} }

// ErrClosed says that a Log has ended.
var ErrClosed = errors.New("the server is about to stop")

// Publish adds an event, and gives it its ID and, if it has none, its time. It may be
// called from any goroutine and waits for nobody.
func (l *Log) Publish(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	now := time.Now()
	if e.Timestamp.IsZero() {
		e.Timestamp = now.UTC()
	}
	e.ID = l.ids.next(now)
	l.events[l.count%Kept] = e
	l.count++
	close(l.more)
	l.more = make(chan struct{})
}

// Herald publishes milestones; it is for the runtime.
func (l *Log) Herald(m pipeline.Milestone) { l.Publish(of(m)) }

// Close ends all readers once they have read what there is.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.more)
	}
}

// Latest is what the Log has, newest first.
func (l *Log) Latest() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Event
	for n := l.count; n > l.oldest(); n-- {
		all = append(all, l.events[(n-1)%Kept])
	}
	return all
}

// oldest is the number of the oldest event that is kept. The caller holds mu.
func (l *Log) oldest() uint64 { return l.count - min(l.count, Kept) }

// Reader is a place in a Log. It belongs to one goroutine.
type Reader struct {
	log  *Log
	next uint64
	lost bool
}

// Tail is a Reader of what comes from now on.
func (l *Log) Tail() *Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Reader{log: l, next: l.count}
}

// After is a Reader of what came behind an event. If the Log does not have that any more,
// the Reader begins with what it has and says that something was lost.
func (l *Log) After(id string) *Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.oldest()
	n := sort.Search(int(l.count-first), func(i int) bool { return l.events[(first+uint64(i))%Kept].ID >= id })
	at := first + uint64(n)
	if at < l.count && l.events[at%Kept].ID == id {
		return &Reader{log: l, next: at + 1}
	}
	if at == l.count { // the clock was ahead when there was such an event
		at = first
	}
	return &Reader{log: l, next: at, lost: true}
}

// Ready is closed when there is something to Take, or the Log has ended.
func (r *Reader) Ready() <-chan struct{} {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if r.next < r.log.count || r.lost {
		return closed()
	}
	return r.log.more
}

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// Take is what has come, at most a few hundred events. lost says that events are missing
// in front of them. The error is ErrClosed at the end.
func (r *Reader) Take() (events []Event, lost bool, err error) {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	lost, r.lost = r.lost, false
	if first := l.oldest(); r.next < first {
		r.next, lost = first, true
	}
	for ; r.next < l.count && len(events) < 256; r.next++ {
		events = append(events, l.events[r.next%Kept])
	}
	if len(events) == 0 && !lost && l.closed {
		return nil, false, ErrClosed
	}
	return events, lost, nil
}

// Next waits for what comes, as Take.
func (r *Reader) Next(ctx context.Context) (events []Event, lost bool, err error) {
	for {
		if events, lost, err = r.Take(); err != nil || lost || len(events) > 0 {
			return events, lost, err
		}
		select {
		case <-r.Ready():
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}
