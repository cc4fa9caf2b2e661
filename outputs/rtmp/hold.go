package rtmp

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"weir/pipeline/media"
)

// hold is what a target has not sent yet, and the beginning of the GOP that it is in
// the middle of. One goroutine pushes, one takes.
type hold struct {
	delay time.Duration
	bytes int64
	ask   func() // for a key frame; may be nil

	mu       sync.Mutex // guards what follows
	units    []*media.Unit
	next     int   // units before it have been taken
	size     int64 // of all units, in bytes
	live     bool  // a target takes
	pictures bool  // the stream has video
	skipping bool  // pictures are left out up to the next key frame
	ended    bool
	dropped  map[media.Kind]uint64
	loss
	wake chan struct{}
}

// loss is how much of the pictures, or of the sound of a stream without, is left out, by
// arrival.
type loss struct {
	lost   time.Duration
	newest time.Time // the last one that was pushed
	open   bool      // which is left out, until the next one
}

func newHold(delay time.Duration, bytes int64, ask func()) *hold {
	return &hold{delay: delay, bytes: bytes, ask: ask, dropped: make(map[media.Kind]uint64), wake: make(chan struct{}, 1)}
}

func picture(u *media.Unit) bool { return u.Kind() == media.KindVideo }

func key(u *media.Unit) bool { return picture(u) && u.Flags.Has(media.Key) }

// push adds a unit. It never waits.
func (h *hold) push(u *media.Unit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pictures = h.pictures || picture(u)
	h.follow(u)
	if picture(u) {
		if h.skipping && !key(u) {
			h.dropped[u.Kind()]++
			return
		}
		h.skipping = false
	}
	h.units = append(h.units, u)
	h.size += int64(u.Size())
	if h.live {
		h.trim()
	} else {
		h.forget()
	}
	h.poke()
}

func (h *hold) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// end says that no more will be pushed.
func (h *hold) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.poke()
}

// late is how long the first unit of us that fits has waited when the last one came.
func late(us []*media.Unit, fits func(*media.Unit) bool) time.Duration {
	i := slices.IndexFunc(us, fits)
	if i < 0 {
		return 0
	}
	return us[len(us)-1].Arrived.Sub(us[i].Arrived)
}

// trim keeps a target that is too slow within bounds: the rest of a GOP goes, the sound
// stays as long as it can. Pictures go earlier than sound that waits among them would have
// to, by more than a slow socket takes to have room again.
func (h *hold) trim() {
	for {
		waiting := h.units[h.next:]
		over := h.size > h.bytes
		switch {
		case late(waiting, picture) > h.delay-h.delay/8 || over && slices.ContainsFunc(waiting, picture):
			h.dropTail()
		case late(waiting, func(u *media.Unit) bool { return !picture(u) }) > h.delay+h.delay/4 || over && len(waiting) > 0:
			from := h.units[h.next].Arrived
			h.dropAt(h.next)
			if !h.pictures {
				h.miss(from, h.next)
			}
		case over: // a GOP that is sent, but for its end
			h.cut(h.next)
			return
		default:
			return
		}
	}
}

// dropTail leaves out the pictures that wait up to the next key frame.
func (h *hold) dropTail() {
	i := h.next + slices.IndexFunc(h.units[h.next:], picture)
	from := h.units[i].Arrived
	h.dropAt(i) // also if it is a key frame: then its whole GOP goes
	for i < len(h.units) && !key(h.units[i]) {
		if picture(h.units[i]) {
			h.dropAt(i)
		} else {
			i++
		}
	}
	h.miss(from, i)
	h.starve(i == len(h.units))
}

// starve says that only a key frame can follow.
func (h *hold) starve(is bool) {
	if is && !h.skipping {
		h.skipping = true
		if h.ask != nil {
			h.ask()
		}
	}
}

func (h *hold) dropAt(i int) {
	u := h.units[i]
	h.dropped[u.Kind()]++
	h.size -= int64(u.Size())
	h.units = slices.Delete(h.units, i, i+1)
}

// miss counts what lasts from a unit to the one at i, or beyond all that there are.
func (h *hold) miss(from time.Time, i int) {
	if i < len(h.units) {
		h.lost += h.units[i].Arrived.Sub(from)
		return
	}
	h.lost += h.newest.Sub(from)
	h.open = true
}

// follow takes note of a unit that is pushed.
func (h *hold) follow(u *media.Unit) {
	if picture(u) != h.pictures {
		return
	}
	if h.open {
		h.lost += u.Arrived.Sub(h.newest)
	}
	h.newest, h.open = u.Arrived, h.pictures && h.skipping && !key(u)
}

// forget keeps what is held for a target that is away within bounds: the oldest GOPs
// go, with their sound.
func (h *hold) forget() {
	for late(h.units, func(*media.Unit) bool { return true }) > h.delay || h.size > h.bytes && len(h.units) > 1 {
		n := 1
		if h.pictures {
			for n < len(h.units) && !key(h.units[n]) {
				n++
			}
			h.starve(n == len(h.units))
		}
		if i := slices.IndexFunc(h.units[:n], func(u *media.Unit) bool { return picture(u) == h.pictures }); i >= 0 && h.next < n {
			h.miss(h.units[max(i, h.next)].Arrived, n)
		}
		for _, u := range h.units[h.next:max(n, h.next)] {
			h.dropped[u.Kind()]++
		}
		h.cut(n)
	}
}

// cut lets go of the first n units.
func (h *hold) cut(n int) {
	for _, u := range h.units[:n] {
		h.size -= int64(u.Size())
	}
	h.units = slices.Delete(h.units, 0, n)
	h.next = max(0, h.next-n)
}

// ready waits until there is something for a new session to begin with.
func (h *hold) ready(ctx context.Context) error {
	return h.await(ctx, func() bool {
		return slices.ContainsFunc(h.units, key) || !h.pictures && len(h.units) > 0
	})
}

// restart makes the next take begin with a key frame: that of the GOP that was under way,
// if it is still held.
func (h *hold) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live, h.next = true, 0
	if !h.pictures {
		return
	}
	n := slices.IndexFunc(h.units, key)
	if n < 0 {
		n = len(h.units)
		h.starve(true)
	}
	h.cut(n)
}

// leave says that the target is away.
func (h *hold) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live = false
	h.forget()
}

// take is what waits, at least one unit. It returns io.EOF at the end.
func (h *hold) take(ctx context.Context, into []*media.Unit) ([]*media.Unit, error) {
	if err := h.await(ctx, func() bool { return h.next < len(h.units) }); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// Not more than a little at a time: what was taken cannot be left out any more.
	const most = 16 << 10
	for n := 0; h.next < len(h.units) && n < most; h.next++ {
		u := h.units[h.next]
		into, n = append(into, u), n+u.Size()
	}
	h.settle()
	return into, nil
}

// settle lets go of GOPs that have been taken whole.
func (h *hold) settle() {
	from := h.next
	if h.pictures {
		for from = h.next - 1; from > 0 && !key(h.units[from]); from-- {
		}
	}
	if from > 0 {
		h.cut(from)
	}
}

func (h *hold) await(ctx context.Context, is func() bool) error {
	for {
		h.mu.Lock()
		there, over := is(), h.ended
		h.mu.Unlock()
		switch {
		case there:
			return nil
		case over:
			return io.EOF
		}
		select {
		case <-h.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// state is what waits, how late it is, and what was left out.
func (h *hold) state() (delay, lost time.Duration, video, audio uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if waiting := h.units[h.next:]; len(waiting) > 0 {
		delay = time.Since(waiting[0].Arrived)
	}
	return delay, h.lost, h.dropped[media.KindVideo], h.dropped[media.KindAudio]
}
