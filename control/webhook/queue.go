package webhook

import (
	"math/rand/v2"
	"time"
)

// Bounds of what waits for one endpoint.
const (
	maxWaiting = 10_000
	maxBytes   = 16 << 20
	// parallel is how many requests are under way to one endpoint, each for another stream.
	parallel = 8
)

// Times of trying again: after a failure in a row, doubled, with jitter; and not any more.
const (
	firstWait = 2 * time.Second
	mostWait  = 10 * time.Minute
	giveUp    = 24 * time.Hour
)

// item is an event on its way to an endpoint.
type item struct {
	id, kind, stream string
	at               time.Time
	body             []byte // shared by all endpoints
}

// queue is what waits for an endpoint. It knows no clock.
type queue struct {
	lanes   map[string]*lane // by stream; "" for what is about none
	waiting int
	bytes   int
	busy    int
	dropped uint64
}

// lane is what waits of one stream, in order.
type lane struct {
	items    []item
	attempts int       // of the first
	due      time.Time // of the next attempt
	busy     bool
}

// add puts an item behind those of its stream. It refuses what is too much.
func (q *queue) add(it item) bool {
	if q.waiting >= maxWaiting || q.bytes+len(it.body) > maxBytes {
		q.dropped++
		return false
	}
	if q.lanes == nil {
		q.lanes = make(map[string]*lane)
	}
	l := q.lanes[it.stream]
	if l == nil {
		l = &lane{}
		q.lanes[it.stream] = l
	}
	l.items = append(l.items, it)
	q.waiting++
	q.bytes += len(it.body)
	return true
}

// take is an item to be sent now, and the number of the attempt; or when there is one,
// zero for never.
func (q *queue) take(now time.Time) (it item, attempt int, next time.Time) {
	for _, l := range q.lanes {
		switch {
		case l.busy || q.busy >= parallel:
		case !l.due.After(now):
			l.busy = true
			l.attempts++
			q.busy++
			return l.items[0], l.attempts, time.Time{}
		case next.IsZero() || l.due.Before(next):
			next = l.due
		}
	}
	return item{}, 0, next
}

// done ends an attempt. It returns whether the item leaves the queue, and else when it is
// sent again; after is what the endpoint asks for, or 0.
func (q *queue) done(it item, ok bool, after time.Duration, now time.Time) (gone bool, next time.Time) {
	q.busy--
	l := q.lanes[it.stream]
	if l == nil || !l.busy || l.items[0].id != it.id {
		return true, time.Time{} // the queue was cleared meanwhile
	}
	l.busy = false
	wait := max(backoff(l.attempts), min(after, mostWait))
	if !ok && now.Add(wait).Sub(it.at) < giveUp {
		l.due = now.Add(wait)
		return false, l.due
	}
	q.waiting--
	q.bytes -= len(it.body)
	l.items[0] = item{}
	l.items, l.attempts, l.due = l.items[1:], 0, time.Time{}
	if len(l.items) == 0 {
		delete(q.lanes, it.stream)
	}
	return true, time.Time{}
}

// clear forgets all that waits, and returns its IDs.
func (q *queue) clear() (ids []string) {
	for _, l := range q.lanes {
		for _, it := range l.items {
			ids = append(ids, it.id)
		}
	}
	q.lanes, q.waiting, q.bytes = nil, 0, 0
	return ids
}

// oldest is when the oldest waiting event happened; zero if none waits.
func (q *queue) oldest() (at time.Time) {
	for _, l := range q.lanes {
		if at.IsZero() || l.items[0].at.Before(at) {
			at = l.items[0].at
		}
	}
	return at
}

// backoff is how long to wait after so many failures in a row: up to a quarter less.
func backoff(failures int) time.Duration {
	wait := mostWait
	if failures < 16 {
		wait = min(firstWait<<max(0, failures-1), mostWait)
	}
	return wait - time.Duration(rand.Int64N(int64(wait)/4))
}
