package rtmp

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// A target that takes half of what comes loses the ends of GOPs and no sound, and is
// never later than allowed.
func TestSlowTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHold(3*time.Second, 8<<20, nil)
		h.restart()
		played := make(chan struct{})
		go func() { defer close(played); play(h, 0, 30*time.Second) }()
		ctx := t.Context()
		var got []*media.Unit
		var worst time.Duration
		began := time.Now()
		for time.Since(began) < 29*time.Second {
			one, err := h.one(ctx)
			if err != nil {
				t.Fatal(err)
			}
			worst = max(worst, time.Since(one.Arrived))
			got = append(got, one)
			if picture(one) {
				time.Sleep(time.Second / 15) // twice as long as it lasts
			}
		}
		if worst > 3100*time.Millisecond {
			t.Errorf("%v late", worst)
		}
		_, lost, video, audio := h.state()
		if lost < 10*time.Second || lost > 16*time.Second { // it takes half as fast as it comes
			t.Errorf("%v lost", lost)
		}
		if video < 300 || audio > 0 {
			t.Errorf("%d pictures and %d sounds left out", video, audio)
		}
		whole(t, got)
		<-played
	})
}

// A target that takes nothing for a little longer than pictures may wait loses no sound:
// a slow one takes in lumps, between which that happens.
func TestLumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHold(3*time.Second, 8<<20, nil)
		h.restart()
		played := make(chan struct{})
		go func() { defer close(played); play(h, 0, 10*time.Second) }()
		var got []*media.Unit
		for began := time.Now(); time.Since(began) < 9*time.Second; {
			one, err := h.one(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, one); len(got) == 20 {
				time.Sleep(3500 * time.Millisecond)
			}
		}
		if _, _, video, audio := h.state(); video == 0 || audio > 0 {
			t.Errorf("%d pictures and %d sounds left out", video, audio)
		}
		whole(t, got)
		<-played
	})
}

// whole wants sound without a gap, and pictures that are missing only up to a key frame.
func whole(t *testing.T, got []*media.Unit) {
	t.Helper()
	last := make(map[media.Kind]*media.Unit)
	for _, u := range got {
		p := last[u.Kind()]
		last[u.Kind()] = u
		if p == nil {
			continue
		}
		step := u.DTS - p.DTS
		if !picture(u) && step != 1024 || picture(u) && step != 3000 && !key(u) {
			t.Fatalf("%v at %v follows %v", u.Kind(), u.Time(), p.Time())
		}
	}
}

// While a target is away whole GOPs go, and it begins with a key frame.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHold(3*time.Second, 8<<20, nil)
		play(h, 0, 20*time.Second)
		h.restart()
		u, err := h.one(t.Context())
		if err != nil || !key(u) || u.Time() < 17*time.Second || u.Time() > 18*time.Second {
			t.Errorf("begins with %v at %v, %v", u.Flags, u.Time(), err)
		}
		if _, lost, _, _ := h.state(); (lost - u.Time()).Abs() > 40*time.Millisecond {
			t.Errorf("%v lost before %v", lost, u.Time())
		}
	})
}

// A GOP that is longer than what may be held: a key frame is asked for, and waited for.
func TestLongGOP(t *testing.T) {
	asked := 0
	h := newHold(time.Second, 8<<20, func() { asked++ })
	track := &media.Track{ID: "video", Codec: media.CodecH264, Rate: media.VideoRate}
	began := time.Now()
	for i := range 100 {
		u := &media.Unit{Track: track, DTS: media.Ticks(i * 3000), Arrived: began.Add(time.Duration(i) * time.Second / 30)}
		if i == 0 || i == 95 {
			u.Flags = media.Key
		}
		h.push(u)
	}
	h.restart()
	if u, err := h.one(t.Context()); err != nil || u.DTS != 95*3000 || asked != 1 {
		t.Errorf("%+v, %v, asked %d times", u, err, asked)
	}
	if _, lost, _, _ := h.state(); lost.Round(time.Millisecond) != 3167*time.Millisecond {
		t.Errorf("%v lost", lost)
	}
}

// A program that stops to acknowledge is noticed although its system takes bytes; one
// that never does is not blamed for it.
func TestWatchdog(t *testing.T) {
	for _, c := range []struct {
		name        string
		acks, stops int // seconds
		noticed     int
	}{{"acknowledges", 60, 60, 0}, {"never does", 0, 60, 0}, {"stops", 20, 60, 28}, {"system stops", 60, 20, 27}} {
		now := time.Now()
		w := newWatchdog(now)
		var f rtmpd.Flow
		noticed := 0
		for s := range 60 {
			now = now.Add(time.Second)
			f.Sent += 300_000
			if s < c.acks {
				f.Heard += 2
			}
			if s < c.stops {
				f.Arrived = f.Sent
			} else {
				f.Waiting = true
			}
			if w.quiet(f, now) >= givenUpAfter && noticed == 0 {
				noticed = s
			}
		}
		if noticed > c.noticed || noticed == 0 && c.noticed > 0 {
			t.Errorf("%s: noticed after %d s", c.name, noticed)
		}
	}
}

// one is the next unit.
func (h *hold) one(ctx context.Context) (*media.Unit, error) {
	if err := h.await(ctx, func() bool { return h.next < len(h.units) }); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.units[h.next]
	h.next++
	h.settle()
	return u, nil
}
