package ring

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func video() *media.TrackSet {
	return &media.TrackSet{Version: 1, Tracks: []*media.Track{
		{ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: media.VideoRate},
	}}
}

func unit(set *media.TrackSet, n int, key bool) *media.Unit {
	u := &media.Unit{Track: set.Tracks[0], DTS: media.Ticks(n), Access: [][]byte{make([]byte, 100)}}
	if key {
		u.Flags = media.Key
	}
	return u
}

func push(t testing.TB, r *Ring, item media.Item) {
	t.Helper()
	if err := r.Push(t.Context(), item); err != nil {
		t.Fatal(err)
	}
}

func TestNextWakesOnPushCloseEndAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Bounds{time.Second, 1 << 20})
		set := video()
		ctx, cancel := context.WithCancel(t.Context())
		type result struct {
			item media.Item
			err  error
		}
		next := func(c *Cursor, ctx context.Context) <-chan result {
			got := make(chan result, 1)
			go func() {
				item, err := c.Next(ctx)
				got <- result{item, err}
			}()
			synctest.Wait()
			return got
		}
		pushed, cancelled, ended, closed := r.Cursor(Options{}), r.Cursor(Options{}), r.Cursor(Options{}), r.Cursor(Options{})
		first := next(pushed, t.Context())
		push(t, r, set)
		if got := <-first; got.item != set || got.err != nil {
			t.Errorf("after a push: %v, %v", got.item, got.err)
		}
		for _, c := range []*Cursor{cancelled, ended, closed} {
			if got := <-next(c, t.Context()); got.item != set {
				t.Errorf("the set in force was not delivered but %v, %v", got.item, got.err)
			}
		}
		second := next(cancelled, ctx)
		cancel()
		if got := <-second; !errors.Is(got.err, context.Canceled) {
			t.Errorf("after a cancel: %v", got.err)
		}
		third := next(ended, t.Context())
		ended.End()
		if got := <-third; got.err != io.EOF { //nolint:errorlint // promised bare
			t.Errorf("after End: %v", got.err)
		}
		fourth := next(closed, t.Context())
		r.Close()
		if got := <-fourth; got.err != io.EOF { //nolint:errorlint // promised bare
			t.Errorf("after Close: %v", got.err)
		}
	})
}

// TestLedger lets readers of all speeds read what a writer pushes, and checks that
// every unit is accounted for, that order holds and that no reader sees a delta
// without its key unit.
func TestLedger(t *testing.T) {
	const units, gop = 20_000, 25
	r := New(Bounds{time.Hour, 20_000})
	set := video()
	var readers sync.WaitGroup
	for i := range 8 {
		c := r.Cursor(Options{Bounds: Bounds{Bytes: int64(2000 * (i + 1))}})
		readers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			last := media.Ticks(-1)
			for {
				item, err := c.Next(t.Context())
				if err == io.EOF { //nolint:errorlint // promised bare
					break
				}
				if err != nil {
					t.Error(err)
					return
				}
				u, ok := item.(*media.Unit)
				if !ok {
					continue
				}
				if u.DTS <= last || (u.DTS != last+1 && !u.Flags.Has(media.Key)) {
					t.Errorf("reader %d: unit %d (%s) after %d", i, u.DTS, u.Flags, last)
				}
				last = u.DTS
				for range rng.IntN(1 << (2 * i)) { // some keep up, some cannot
					_ = rng.Uint64()
				}
			}
			if s := c.Stats(); s.Delivered+s.Overran+s.Keyless != units || s.Queued != 0 {
				t.Errorf("reader %d: %+v does not add up to %d units", i, s, units)
			}
		})
	}
	push(t, r, set)
	for n := range units {
		push(t, r, unit(set, n, n%gop == 0))
	}
	r.Close()
	readers.Wait()
}

func TestPicturesAreCountedAtTheirEnds(t *testing.T) {
	sound := &media.Track{ID: "audio", Codec: media.CodecOpus, Rate: 48000}
	packets := &media.TrackSet{Version: 1, Tracks: []*media.Track{
		{ID: "video", Codec: media.CodecVP8, Form: media.FormRTP, Rate: media.VideoRate}, sound,
	}}
	packet := func(track int, flags media.Flags, marker bool) *media.Unit {
		return &media.Unit{Track: packets.Tracks[track], Flags: flags, RTP: &media.RTP{Marker: marker}}
	}
	for name, c := range map[string]struct {
		items []media.Item
		want  uint64
	}{
		"access units": {[]media.Item{video(), unit(video(), 0, true), unit(video(), 1, false)}, 2},
		"packets": {[]media.Item{
			packets, packet(0, media.Key, false), packet(0, 0, false), packet(0, 0, true), packet(1, 0, true), packet(0, 0, false),
		}, 1},
	} {
		r := New(Bounds{time.Second, 1 << 20})
		cursor := r.Cursor(Options{})
		for _, item := range c.items {
			push(t, r, item)
		}
		r.Close()
		for item, err := cursor.TryNext(); err == nil && item != nil; item, err = cursor.TryNext() {
		}
		if got := cursor.Stats(); got.Pictures != c.want || got.Delivered != uint64(len(c.items)-1) {
			t.Errorf("%s: %+v, want %d pictures", name, got, c.want)
		}
	}
}

func TestBlockingReaderHoldsTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Bounds{time.Hour, 1 << 20})
		set := video()
		c := r.Cursor(Options{Policy: Block, Bounds: Bounds{Bytes: 300}})
		done := make(chan struct{})
		go func() {
			defer close(done)
			push(t, r, set)
			for n := range 100 {
				push(t, r, unit(set, n, true))
			}
			r.Close()
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Error("the writer was not held up")
		default:
		}
		for n := -1; ; n++ {
			item, err := c.Next(t.Context())
			if err == io.EOF { //nolint:errorlint // promised bare
				if n != 100 {
					t.Errorf("%d units came through", n)
				}
				break
			}
			if u, ok := item.(*media.Unit); ok && u.DTS != media.Ticks(n) {
				t.Fatalf("unit %d where %d should be", u.DTS, n)
			}
		}
		<-done
	})
}

func TestDeliveryAllocatesNothing(t *testing.T) {
	r := New(Bounds{time.Hour, 1 << 40})
	set := video()
	c := r.Cursor(Options{})
	push(t, r, set)
	for n := range 2000 {
		push(t, r, unit(set, n, n == 0))
	}
	if _, err := c.TryNext(); err != nil { // the set
		t.Fatal(err)
	}
	if _, err := c.TryNext(); err != nil { // the first unit makes the layer's gate
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if u, err := c.TryNext(); u == nil || err != nil {
			t.Fatal(u, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for each delivery", n)
	}
}

// Napping readers wake together, whatever was pushed when, and miss nothing.
func TestNapsEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const nap = 20 * time.Millisecond
		r, set := New(Bounds{time.Hour, 1 << 20}), video()
		push(t, r, set)
		began := time.Now()
		wakes := make(map[time.Duration]int)
		var mu sync.Mutex
		var readers sync.WaitGroup
		for i := range 3 {
			c := r.Cursor(Options{})
			c.Nap(nap)
			readers.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Millisecond)
				for n := -1; ; n++ {
					item, err := c.Next(t.Context())
					if err == io.EOF { //nolint:errorlint // promised bare
						if n != 50 {
							t.Errorf("reader %d: %d units", i, n)
						}
						return
					}
					if u, ok := item.(*media.Unit); ok && u.DTS != media.Ticks(n) {
						t.Errorf("reader %d: unit %d where %d should be", i, u.DTS, n)
					}
					mu.Lock()
					wakes[time.Since(began)]++
					mu.Unlock()
				}
			})
		}
		for n := range 50 { // 13 units a second
			time.Sleep(77 * time.Millisecond / 10)
			push(t, r, unit(set, n, true))
		}
		r.Close()
		readers.Wait()
		if len(wakes) > 3+21 { // what they began with, and 50 * 7.7 ms of naps
			t.Errorf("%d wake-ups", len(wakes))
		}
	})
}
