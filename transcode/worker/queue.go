package worker

import (
	"maps"
	"slices"
	"sync"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// What may wait for a worker.
const (
	videoHold = 3 * time.Second // beyond it, pictures are dropped up to the next key unit; longer than stall
	audioHold = 5 * time.Second // beyond it, the oldest sound is dropped
	holdBytes = 48 << 20
	// fresh is how old a unit may be for a worker that catches up to make something of
	// it.
	fresh = 500 * time.Millisecond
	// batch bounds what is taken at once: what is taken cannot be dropped any more.
	batchItems = 16
	batchBytes = 256 << 10
)

// item is something for the worker, in order.
type item struct {
	message wire.Message
	unit    *media.Unit // of a wire.Unit, else nil
	at      time.Time   // when it came
}

// queue is what waits for a worker. Putting never blocks.
type queue struct {
	wake chan struct{} // has room for one

	mu       sync.Mutex // guards what follows
	items    []item
	bytes    int
	tracks   *media.TrackSet // put last
	past     past
	closed   map[*media.Track]bool // video that waits for a key unit
	ended    bool
	idle     bool // nobody takes anything
	catching bool // what comes is old: see fresh
	dropped  uint64
	last     time.Time // when a unit was put
}

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), closed: make(map[*media.Track]bool), catching: true}
}

// setTracks says which tracks the units that follow are of.
func (q *queue) setTracks(s *media.TrackSet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tracks = s
	q.closeOthers()
	if q.idle {
		return
	}
	q.append(item{message: wire.Tracks{TrackSet: s}, at: time.Now()})
}

// close makes all video wait for a key unit.
func (q *queue) close() {
	clear(q.closed)
	for _, t := range q.tracks.Tracks {
		q.closed[t] = t.Kind() == media.KindVideo
	}
}

// closeOthers makes video wait for a key unit that was not among the tracks before.
func (q *queue) closeOthers() {
	before := maps.Clone(q.closed)
	q.close()
	for t := range q.closed {
		if closed, known := before[t]; known {
			q.closed[t] = closed
		}
	}
}

// rest lets go of everything and takes nothing, until the next rewind.
func (q *queue) rest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items, q.bytes, q.past, q.idle = nil, 0, past{}, true
}

// tell queues a message that is no unit.
func (q *queue) tell(m wire.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle {
		return
	}
	q.append(item{message: m, at: time.Now()})
}

// put queues a unit, which must not be changed any more. It says whether a key unit is
// needed before anything can be made of the track again.
func (q *queue) put(u *media.Unit) (needKey bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if q.ended || q.idle || q.tracks == nil {
		return false
	}
	if q.closed[u.Track] {
		if !u.Flags.Has(media.Key) {
			q.dropped++
			return true
		}
		q.closed[u.Track] = false
	}
	if q.catching {
		if q.catching = now.Sub(u.Arrived) > fresh; q.catching {
			u = preroll(u)
		}
	}
	q.last = now
	q.append(item{message: wire.Unit{Unit: u}, unit: u, at: now})
	return q.bound(now)
}

func preroll(u *media.Unit) *media.Unit {
	marked := *u
	marked.Flags |= wire.Preroll
	return &marked
}

func (q *queue) append(it item) {
	q.items = append(q.items, it)
	if it.unit != nil {
		q.bytes += it.unit.Size()
	}
	q.poke()
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// bound drops what has waited for too long.
func (q *queue) bound(now time.Time) (needKey bool) {
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		hold := videoHold
		if kind == media.KindAudio {
			hold = audioHold
		}
		i := slices.IndexFunc(q.items, func(it item) bool { return it.unit != nil && it.unit.Kind() == kind })
		if i < 0 || now.Sub(q.items[i].at) <= hold && q.bytes <= holdBytes {
			continue
		}
		if kind == media.KindVideo {
			needKey = q.dropVideo()
		} else {
			q.drop(i, i+1)
		}
	}
	return needKey
}

// dropVideo leaves of each video track only what begins with its newest key unit, if
// that came a short while ago; else nothing, up to the next one.
func (q *queue) dropVideo() (needKey bool) {
	newest := make(map[*media.Track]int)
	for i, it := range q.items {
		if it.unit != nil && it.unit.Kind() == media.KindVideo && it.unit.Flags.Has(media.Key) {
			newest[it.unit.Track] = i
		}
	}
	now := time.Now()
	for t, i := range newest {
		if now.Sub(q.items[i].at) > videoHold/2 {
			delete(newest, t)
		}
	}
	kept := q.items[:0]
	for i, it := range q.items {
		if it.unit != nil && it.unit.Kind() == media.KindVideo {
			if from, ok := newest[it.unit.Track]; !ok || i < from {
				q.dropped++
				q.bytes -= it.unit.Size()
				continue
			}
		}
		kept = append(kept, it)
	}
	clear(q.items[len(kept):])
	q.items = kept
	for t := range q.closed {
		if _, ok := newest[t]; !ok && t.Kind() == media.KindVideo {
			q.closed[t], needKey = true, true
		}
	}
	q.past.forget()
	return needKey
}

func (q *queue) drop(from, to int) {
	for _, it := range q.items[from:to] {
		q.dropped++
		q.bytes -= it.unit.Size()
	}
	q.items = slices.Delete(q.items, from, to)
}

// take moves what waits into dst. ok is false at the end, and when stop is closed.
func (q *queue) take(dst []item, stop <-chan struct{}) (taken []item, ok bool) {
	for {
		if dst, ok := q.tryTake(dst[:0]); len(dst) > 0 || !ok {
			return dst, ok
		}
		select {
		case <-q.wake:
		case <-stop:
			return dst[:0], false
		}
	}
}

func (q *queue) tryTake(dst []item) (taken []item, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	size, n := 0, 0
	for ; n < len(q.items) && n < batchItems && size < batchBytes; n++ {
		it := q.items[n]
		dst = append(dst, it)
		if it.unit != nil {
			size += it.unit.Size()
		}
		q.past.remember(it)
	}
	q.bytes -= size
	q.items = slices.Delete(q.items, 0, n)
	return dst, n > 0 || !q.ended
}

// rewind makes ready for another worker: it is given the tracks in force and the units
// since the newest key unit of each, of which it makes something only as far as they are
// fresh and later than what the last one made of their track. It says whether a key unit
// is needed.
func (q *queue) rewind(made func(media.TrackID) (time.Duration, bool)) (needKey bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle && q.tracks != nil {
		q.idle, q.catching = false, true
		q.close()
		q.append(item{message: wire.Tracks{TrackSet: q.tracks}, at: time.Now()})
		return true
	}
	q.idle = false
	if q.past.tracks == nil {
		return false
	}
	needKey = q.forgetVideo()
	now, again := time.Now(), q.past.all()
	all := make([]item, 0, len(again)+len(q.items))
	for _, it := range again {
		if u := it.unit; u != nil {
			done, ok := made(u.Track.ID)
			if now.Sub(u.Arrived) > fresh || ok && u.Track.Rate.Duration(u.PTS) <= done {
				if u.Kind() == media.KindAudio {
					continue
				}
				it.unit = preroll(u)
				it.message = wire.Unit{Unit: it.unit}
			}
			q.bytes += u.Size()
		}
		all = append(all, it)
	}
	q.items = append(all, q.items...)
	for i := range q.items {
		it := &q.items[i]
		it.at = now // it has not waited for the next worker
		if u := it.unit; u != nil && u.Kind() == media.KindVideo && now.Sub(u.Arrived) > fresh {
			it.unit = preroll(u)
			it.message = wire.Unit{Unit: it.unit}
		}
	}
	q.past.forget()
	q.poke()
	return needKey
}

// forgetVideo drops the waiting video up to its next key unit where what it refers to is
// lost.
func (q *queue) forgetVideo() (needKey bool) {
	for t := range q.closed {
		if t.Kind() == media.KindVideo && !q.past.based[t] {
			q.closed[t], needKey = true, true
		}
	}
	kept := q.items[:0]
	for _, it := range q.items {
		if u := it.unit; u != nil && u.Kind() == media.KindVideo {
			if q.closed[u.Track] = q.closed[u.Track] && !u.Flags.Has(media.Key); q.closed[u.Track] {
				q.dropped++
				q.bytes -= u.Size()
				continue
			}
		}
		kept = append(kept, it)
	}
	clear(q.items[len(kept):])
	q.items = kept
	return needKey
}

// end says that nothing more will be put.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.poke()
}

func (q *queue) stats() (dropped uint64, last time.Time, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped, q.last, q.ended
}
