package ring

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"weir/pipeline/media"
)

// Options configure a Cursor.
type Options struct {
	Policy Policy
	// Bounds say how far the cursor may fall behind; a zero field means the ring's.
	Bounds Bounds
	// Ask is told, at most once for each layer held back, that a key unit is
	// wanted. It must not block and must not call the cursor. May be nil.
	Ask func(media.KeyframeRequest)
}

// Cursor is one reader's place in a Ring. Next and TryNext belong to one goroutine
// at a time; the other methods may be called from any.
type Cursor struct {
	ring *Ring
	opts Options
	wake chan struct{}

	seq   atomic.Uint64 // the next item to read; stored by the reader only
	ended atomic.Bool

	asleep bool // on the ring's waiting list; guarded by ring.mu

	// The reader's own.
	set   *media.TrackSet
	gates []gate
	nap   time.Duration
	alarm *time.Timer   // of the nap; nil before the first
	units uint64        // units pushed before seq
	bytes int64         // payload bytes pushed before seq
	last  time.Duration // arrival of what was read last
	torn  bool          // something was skipped since then

	delivered, deliveredBytes, pictures, overran, keyless atomic.Uint64
	lost                                                  atomic.Int64 // time.Duration
}

// gate is shut for a video layer whose next unit to deliver must be a key unit.
type gate struct {
	layer layer
	open  bool
	asked bool
}

// Cursor makes a reader. It starts at the newest key unit held, from which all
// video layers can be decoded soonest; without video, or before the first key
// unit, at the newest item.
func (r *Ring) Cursor(opts Options) *Cursor {
	r.mu.Lock()
	defer r.mu.Unlock()
	if opts.Bounds.Duration <= 0 {
		opts.Bounds.Duration = r.bounds.Duration
	}
	if opts.Bounds.Bytes <= 0 {
		opts.Bounds.Bytes = r.bounds.Bytes
	}
	r.bounds.Duration = max(r.bounds.Duration, opts.Bounds.Duration)
	r.bounds.Bytes = max(r.bounds.Bytes, opts.Bounds.Bytes)
	c := &Cursor{ring: r, opts: opts, wake: make(chan struct{}, 1)}
	c.moveTo(r.keyWithin(c))
	if opts.Policy == Block {
		r.holding = append(r.holding, c)
	}
	return c
}

// Next is the next item, waiting for it if need be. A TrackSet comes before the
// first unit that it governs. It returns io.EOF after the end of a closed ring or
// after End, ErrOverrun if the policy says so, and ctx's error.
func (c *Cursor) Next(ctx context.Context) (media.Item, error) {
	for {
		item, err := c.TryNext()
		if item != nil || err != nil {
			return item, err
		}
		if err := c.sleep(ctx); err != nil {
			return nil, err
		}
	}
}

// TryNext is Next without waiting: it returns nil, nil if nothing is there yet.
func (c *Cursor) TryNext() (media.Item, error) {
	r := c.ring
	for {
		if c.ended.Load() {
			return nil, io.EOF
		}
		closed, set, head := r.closed.Load(), r.set.Load(), r.head.Load() // in this order
		seq := c.seq.Load()
		if seq == head {
			return c.caughtUp(closed, set)
		}
		e := c.entry(seq, head)
		if e == nil {
			if err := c.overrun(); err != nil {
				return nil, err
			}
			continue
		}
		if e.set != c.set {
			c.set = e.set
			return e.set, nil
		}
		if u := c.advance(e); u != nil {
			return u, nil
		}
	}
}

// caughtUp is what there is to say at the head: a set that no unit follows yet, the
// end, or nothing.
func (c *Cursor) caughtUp(closed bool, set *media.TrackSet) (media.Item, error) {
	switch {
	case set != c.set:
		c.set = set
		return set, nil
	case closed:
		return nil, io.EOF
	default:
		return nil, nil
	}
}

// entry is the next one to read, or nil if it is gone or too far behind the head.
func (c *Cursor) entry(seq, head uint64) *entry {
	t := c.ring.slots.Load()
	e, newest := t.at(seq), t.at(head-1)
	if newest != nil && c.opts.Policy != Block && !c.within(e, newest.at, newest.bytes) {
		return nil
	}
	return e
}

// advance moves past e and returns its unit, or nil if it is not for delivery.
func (c *Cursor) advance(e *entry) *media.Unit {
	defer c.step(e.seq + 1)
	u, ok := e.item.(*media.Unit)
	if !ok {
		return nil
	}
	c.units, c.bytes = e.units+1, e.bytes+int64(u.Size())
	if !c.pass(u) {
		c.keyless.Add(1)
		return nil
	}
	if c.torn {
		c.lost.Add(int64(e.at - c.last))
	}
	c.last, c.torn = e.at, false
	c.delivered.Add(1)
	c.deliveredBytes.Add(uint64(u.Size()))
	if u.EndsPicture() {
		c.pictures.Add(1)
	}
	return u
}

func (c *Cursor) step(seq uint64) {
	c.seq.Store(seq)
	if c.opts.Policy == Block {
		c.ring.freed()
	}
}

// pass says whether u may be delivered: a video layer starts with a key unit.
func (c *Cursor) pass(u *media.Unit) bool {
	if u.Kind() != media.KindVideo {
		return true
	}
	g := c.gate(layerOf(u))
	g.open = g.open || u.Flags.Has(media.Key)
	if !g.open && !g.asked {
		g.asked = true
		if c.opts.Ask != nil {
			c.opts.Ask(media.KeyframeRequest{Track: g.layer.track, Layer: g.layer.index})
		}
	}
	return g.open
}

func (c *Cursor) gate(l layer) *gate {
	i := slices.IndexFunc(c.gates, func(g gate) bool { return g.layer == l })
	if i < 0 {
		i = len(c.gates)
		c.gates = append(c.gates, gate{layer: l})
	}
	return &c.gates[i]
}

// within says whether a cursor whose next item is e is inside its bounds.
func (c *Cursor) within(e *entry, now time.Duration, bytes int64) bool {
	return e != nil && now-e.at <= c.opts.Bounds.Duration && bytes-e.bytes <= c.opts.Bounds.Bytes
}

// overrun applies the policy.
func (c *Cursor) overrun() error {
	r := c.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	from := c.units
	switch {
	case c.opts.Policy == Fail:
		return ErrOverrun
	case c.opts.Policy == DropGOP && r.set.Load().HasVideo():
		c.gates = c.gates[:0]
		c.moveTo(r.keyWithin(c))
	default:
		c.moveTo(r.youngerHalf(c))
	}
	c.overran.Add(c.units - from)
	c.torn = c.delivered.Load() > 0
	return nil
}

// moveTo puts the cursor in front of item seq. The caller holds ring.mu.
func (c *Cursor) moveTo(seq uint64) {
	c.units, c.bytes = c.ring.units, c.ring.bytes
	if e := c.ring.slots.Load().at(seq); e != nil {
		c.units, c.bytes = e.units, e.bytes
	}
	c.seq.Store(seq)
}

// keyWithin is the place of the oldest of the layers' newest key units that is well
// inside c's bounds, else the head. The caller holds r.mu.
func (r *Ring) keyWithin(c *Cursor) uint64 {
	best, now, t := r.head.Load(), r.now(), r.slots.Load()
	for _, k := range r.keys {
		if k.seq < best && k.seq >= c.seq.Load() && c.within(t.at(k.seq), now, r.bytes) {
			best = k.seq
		}
	}
	return best
}

// youngerHalf is the place of the oldest item in the younger half of c's bounds.
func (r *Ring) youngerHalf(c *Cursor) uint64 {
	now, t, head := r.now(), r.slots.Load(), r.head.Load()
	seq := max(c.seq.Load(), r.tail.Load())
	for ; seq < head; seq++ {
		e := t.at(seq)
		if e != nil && now-e.at <= c.opts.Bounds.Duration/2 && r.bytes-e.bytes <= c.opts.Bounds.Bytes/2 {
			break
		}
	}
	return seq
}

// Nap makes Next sleep in naps of d when there is nothing to read, instead of being
// woken by the next push; 0 undoes it. It is for the reader's goroutine. All napping
// readers of a process wake at the same moments, so that the price of a wake-up,
// which is several times that of a delivery, is paid once for many items of many
// streams. What is read is at most d later.
func (c *Cursor) Nap(d time.Duration) { c.nap = d }

// doze waits for the end of the nap.
func (c *Cursor) doze(ctx context.Context) error {
	rest := c.nap - time.Since(dawn())%c.nap
	if c.alarm == nil {
		c.alarm = time.NewTimer(rest)
	} else {
		c.alarm.Reset(rest)
	}
	select {
	case <-c.alarm.C:
		return nil
	case <-c.wake:
		return nil
	case <-ctx.Done():
		c.alarm.Stop()
		return ctx.Err()
	}
}

// dawn is a moment that naps are counted from, the same for all.
func dawn() time.Time { return time.Unix(0, 0) }

// sleep waits until there may be something to read.
func (c *Cursor) sleep(ctx context.Context) error {
	if c.nap > 0 {
		return c.doze(ctx)
	}
	r := c.ring
	r.mu.Lock()
	if r.head.Load() != c.seq.Load() || r.closed.Load() {
		r.mu.Unlock()
		return nil
	}
	if !c.asleep {
		c.asleep = true
		r.waiting = append(r.waiting, c)
	}
	r.mu.Unlock()
	select {
	case <-c.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Cursor) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// End makes Next return io.EOF from now on, whatever is still held, and lets go of
// the ring. It may be called more than once.
func (c *Cursor) End() {
	c.ended.Store(true)
	c.poke()
	r := c.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holding = slices.DeleteFunc(r.holding, func(h *Cursor) bool { return h == c })
	r.waiting = slices.DeleteFunc(r.waiting, func(w *Cursor) bool { return w == c })
	c.asleep = false
	r.freed()
}

// CursorStats count what a Cursor was offered. At any moment the units pushed
// since it was made are Delivered + Overran + Keyless + those still queued.
type CursorStats struct {
	Delivered uint64        // units given out
	Bytes     uint64        // payload bytes given out
	Pictures  uint64        // pictures given out to their ends, of all layers
	Overran   uint64        // units skipped because the reader was too slow
	Keyless   uint64        // units held back because their layer waits for a key unit
	Lost      time.Duration // between what was read before and after the reader was too slow, by arrival
	Queued    int           // items not read yet
	Lag       time.Duration
}

// Stats is a snapshot of the cursor's counters.
func (c *Cursor) Stats() CursorStats {
	r, seq := c.ring, c.seq.Load()
	s := CursorStats{
		Delivered: c.delivered.Load(), Bytes: c.deliveredBytes.Load(), Pictures: c.pictures.Load(),
		Overran: c.overran.Load(), Keyless: c.keyless.Load(),
		Lost:   time.Duration(c.lost.Load()),
		Queued: int(r.head.Load() - seq),
	}
	if e := r.slots.Load().at(seq); e != nil {
		s.Lag = r.now() - e.at
	}
	return s
}
