package ring

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/pipeline/media"
)

// Bounds limit what is held, by the time between arrivals and by payload bytes.
// Whichever is reached first counts.
type Bounds struct {
	Duration time.Duration
	Bytes    int64
}

// minSlots is the initial size of the slot table, a power of two.
const minSlots = 64

// entry is one published item. It is immutable.
type entry struct {
	seq   uint64
	at    time.Duration   // arrival, since the ring's start
	bytes int64           // payload bytes of all items before this one
	units uint64          // units before this one
	item  media.Item      // *media.Unit or *media.TrackSet
	set   *media.TrackSet // the set in force for item
}

// table holds the entries; entry n stands in slot n&mask. A full table is replaced
// by a larger one, never changed in size, so a reader's old one stays valid.
type table struct {
	mask  uint64
	slots []atomic.Pointer[entry]
}

func newTable(n int) *table {
	return &table{mask: uint64(n - 1), slots: make([]atomic.Pointer[entry], n)}
}

func (t *table) at(seq uint64) *entry {
	if e := t.slots[seq&t.mask].Load(); e != nil && e.seq == seq {
		return e
	}
	return nil
}

// layer identifies one stream of video units within a ring.
type layer struct {
	track media.TrackID
	index int8
}

func layerOf(u *media.Unit) layer { return layer{u.Track.ID, u.Layer} }

// keyAt is the place of the newest key unit of a layer.
type keyAt struct {
	layer layer
	seq   uint64
}

// Ring is the queue. The zero value is not usable; see [New].
type Ring struct {
	start time.Time

	// Published by the writer, read by everybody. head is stored last.
	slots  atomic.Pointer[table]
	set    atomic.Pointer[media.TrackSet]
	head   atomic.Uint64 // sequence number of the next item
	tail   atomic.Uint64 // sequence number of the oldest item held
	closed atomic.Bool

	mu      sync.Mutex // guards what follows, and every change of what stands above
	bounds  Bounds
	bytes   int64  // payload bytes ever pushed
	units   uint64 // units ever pushed
	keys    []keyAt
	waiting []*Cursor // cursors asleep at the head
	holding []*Cursor // cursors that hold the writer up (Block)
	space   chan struct{}
}

// New makes a ring that holds at least what bounds say of the newest items. A
// cursor with wider bounds widens the ring's.
func New(bounds Bounds) *Ring {
	r := &Ring{start: time.Now(), bounds: bounds, space: make(chan struct{}, 1)}
	r.slots.Store(newTable(minSlots))
	return r
}

// Push publishes an item to all cursors. It returns at once, unless a cursor whose
// policy is [Block] has no room: then it waits for that cursor or for ctx, whose
// error it returns. Pushing to a closed ring does nothing. Calls must not overlap.
func (r *Ring) Push(ctx context.Context, item media.Item) error {
	for {
		r.mu.Lock()
		if r.closed.Load() || r.roomy() {
			r.push(item)
			r.mu.Unlock()
			return nil
		}
		r.mu.Unlock()
		select {
		case <-r.space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends the stream: cursors read what is held and then io.EOF.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed.Store(true)
	r.wakeAll()
	r.freed()
}

// Tracks is the set in force, or nil before the first.
func (r *Ring) Tracks() *media.TrackSet { return r.set.Load() }

// Keys lists the newest key unit of each video layer, as far as it is held.
func (r *Ring) Keys() []*media.Unit {
	r.mu.Lock()
	defer r.mu.Unlock()
	units := make([]*media.Unit, 0, len(r.keys))
	for _, k := range r.keys {
		if e := r.slots.Load().at(k.seq); e != nil {
			if u, ok := e.item.(*media.Unit); ok {
				units = append(units, u)
			}
		}
	}
	return units
}

// Held lists the units that are held, of all sets. The list belongs to whoever asked.
func (r *Ring) Held() []*media.Unit {
	r.mu.Lock()
	defer r.mu.Unlock()
	var units []*media.Unit
	for seq := r.tail.Load(); seq < r.head.Load(); seq++ {
		if e := r.slots.Load().at(seq); e != nil {
			if u, ok := e.item.(*media.Unit); ok {
				units = append(units, u)
			}
		}
	}
	return units
}

// Stats says what the ring holds and what went through it.
func (r *Ring) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{Units: r.units, Bytes: r.bytes, Items: int(r.head.Load() - r.tail.Load())}
	if e := r.slots.Load().at(r.tail.Load()); e != nil {
		s.HeldBytes, s.Held = r.bytes-e.bytes, r.now()-e.at
	}
	return s
}

// Stats describe a Ring.
type Stats struct {
	Units     uint64        // units ever pushed
	Bytes     int64         // payload bytes ever pushed
	Items     int           // items held
	HeldBytes int64         // payload bytes held
	Held      time.Duration // age of the oldest item held
}

func (r *Ring) now() time.Duration { return time.Since(r.start) }

// roomy says whether every cursor that blocks has room for another item.
func (r *Ring) roomy() bool {
	head := r.head.Load()
	for _, c := range r.holding {
		if seq := c.seq.Load(); seq != head && !c.within(r.slots.Load().at(seq), r.now(), r.bytes) {
			return false
		}
	}
	return true
}

func (r *Ring) push(item media.Item) {
	if r.closed.Load() {
		return
	}
	seq := r.head.Load()
	e := &entry{seq: seq, at: r.now(), bytes: r.bytes, units: r.units, item: item}
	switch it := item.(type) {
	case *media.TrackSet:
		r.set.Store(it)
	case *media.Unit:
		r.units++
		r.bytes += int64(it.Size())
		if it.Flags.Has(media.Key) && it.Kind() == media.KindVideo {
			r.noteKey(layerOf(it), seq)
		}
	}
	e.set = r.set.Load()
	r.evict(e.at)
	r.place(e)
	r.head.Store(seq + 1)
	r.wakeAll()
}

func (r *Ring) noteKey(l layer, seq uint64) {
	i := slices.IndexFunc(r.keys, func(k keyAt) bool { return k.layer == l })
	if i < 0 {
		r.keys = append(r.keys, keyAt{l, seq})
		return
	}
	r.keys[i].seq = seq
}

// evict lets go of what is beyond the bounds. The slot is cleared, so that the
// media is free for the collector, and a cursor that still wanted it sees that.
func (r *Ring) evict(now time.Duration) {
	t, head, tail := r.slots.Load(), r.head.Load(), r.tail.Load()
	for tail < head {
		e := t.at(tail)
		if e != nil && now-e.at <= r.bounds.Duration && r.bytes-e.bytes <= r.bounds.Bytes {
			break
		}
		t.slots[tail&t.mask].Store(nil)
		tail++
	}
	r.tail.Store(tail)
	r.keys = slices.DeleteFunc(r.keys, func(k keyAt) bool { return k.seq < tail })
}

// place stores e in its slot, in a table twice as large if there is none free.
func (r *Ring) place(e *entry) {
	t, tail := r.slots.Load(), r.tail.Load()
	if e.seq-tail >= uint64(len(t.slots)) {
		larger := newTable(2 * len(t.slots))
		for seq := tail; seq < e.seq; seq++ {
			larger.slots[seq&larger.mask].Store(t.at(seq))
		}
		r.slots.Store(larger)
		t = larger
	}
	t.slots[e.seq&t.mask].Store(e)
}

// wakeAll tells every sleeping cursor to look again. The caller holds r.mu.
func (r *Ring) wakeAll() {
	for _, c := range r.waiting {
		c.asleep = false
		c.poke()
	}
	clear(r.waiting)
	r.waiting = r.waiting[:0]
}

// freed tells a writer that waits for room to look again.
func (r *Ring) freed() {
	select {
	case r.space <- struct{}{}:
	default:
	}
}
