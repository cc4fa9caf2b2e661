package worker_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/transcode/wire"
	"weir/transcode/worker"
	"weir/transcode/worker/workertest"
)

// sink notes what comes.
type sink struct {
	mu          sync.Mutex // guards what follows
	sets        []*media.TrackSet
	units       []*media.Unit
	at          []time.Time
	keys        int
	levels      []wire.Levels
	unavailable []string
}

func (s *sink) Tracks(set *media.TrackSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sets = append(s.sets, set)
}

func (s *sink) Unit(u *media.Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.units, s.at = append(s.units, u), append(s.at, time.Now())
}

func (s *sink) NeedKey(media.TrackID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys++
}

func (s *sink) Levels(l wire.Levels) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.levels = append(s.levels, l)
}

func (s *sink) Unavailable(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unavailable = append(s.unavailable, why.Error())
}

// gaps are the pauses between units of a track that are longer than most.
func (s *sink) gaps(id media.TrackID, most time.Duration) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gaps []string
	var last time.Duration
	for _, u := range s.units {
		if u.Track.ID != id {
			continue
		}
		now := u.Track.Rate.Duration(u.PTS)
		if now-last > most {
			about := (now - last).Round(500 * time.Millisecond) // what is due at one moment comes in any order
			gaps = append(gaps, fmt.Sprintf("%v at %.1fs: %s", about, last.Seconds(), u.Flags))
		}
		last = now
	}
	return gaps
}

func job(stage string) wire.Job {
	return wire.Job{
		Version: wire.Version, Stage: stage,
		Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)},
		Video: &wire.Video{Codec: wire.Codec(media.CodecH264), Layers: []wire.Layer{{Name: "sd", Height: 360}}},
	}
}

// play puts d of a movie, at its pace, and asks for what key units are needed.
func play(s *worker.Session, from, d time.Duration) {
	set := stagetest.Both()
	items := stagetest.MovieFrom(set, from, d)
	s.SetTracks(set)
	began := time.Now()
	for _, it := range items {
		u, ok := it.(*media.Unit)
		if !ok {
			continue
		}
		time.Sleep(time.Until(began.Add(u.Time() - from)))
		live := *u
		live.Arrived = time.Now()
		s.Put(&live)
	}
}

// quiet is a log that fails no test.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

type scene struct {
	*sink
	s     *worker.Session
	ended chan error
}

// run starts a session whose workers behave as words say, one after the other.
func run(t *testing.T, words ...string) *scene {
	t.Helper()
	sc := &scene{sink: &sink{}, ended: make(chan error, 1)}
	var serve []func(net.Conn)
	for _, w := range words {
		serve = append(serve, func(c net.Conn) { _ = workertest.ServeAs(c, w) })
	}
	sc.s = worker.NewTestSession(job("live/x/y"), sc.sink, quiet(), serve...)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	t.Cleanup(func() { cancel(); <-over })
	go func() { defer close(over); sc.ended <- sc.s.Run(ctx) }()
	return sc
}

// Everything that is given comes back, in order, and at the end Run returns.
func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := run(t, "")
		play(sc.s, 0, 3*time.Second)
		sc.s.End()
		if err := <-sc.ended; err != nil {
			t.Error(err)
		}
		if len(sc.units) != 90+141 || len(sc.sets) != 1 {
			t.Errorf("%d units, %d sets", len(sc.units), len(sc.sets))
		}
		for _, u := range sc.units {
			if u.Flags.Has(media.Discontinuity) || sc.sets[0].Track(u.Track.ID) != u.Track {
				t.Errorf("%+v", u)
			}
		}
	})
}

// What falls, and however it falls, is replaced, and what it made goes on with the next
// unit: nothing is lost that can still be decoded.
func TestFalls(t *testing.T) {
	for word, want := range map[string][]string{
		"crash=100":   nil,
		"garbage=100": nil,
		"huge=100":    nil,
		"bury=100":    nil,
		// What is old when the hang is found out is not made up for.
		"hang=100": {"1.5s at 1.3s: key|frame-end|gap|discontinuity"},
	} {
		t.Run(word, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc := run(t, word, "")
				play(sc.s, 0, 10*time.Second)
				sc.s.End()
				if err := <-sc.ended; err != nil {
					t.Error(err)
				}
				for _, id := range []media.TrackID{"video", "audio"} {
					if got := sc.gaps(id, 50*time.Millisecond); !slices.Equal(got, want) && (id == "video" || got != nil) {
						t.Errorf("%s: %q, want %q", id, got, want)
					}
				}
				if st := sc.s.Status(); st.Falls != 1 {
					t.Errorf("%d falls", st.Falls)
				}
				if n := len(sc.sets); n != 2 || sc.sets[0].Tracks[0] != sc.sets[1].Tracks[0] {
					t.Errorf("%d sets", n)
				}
			})
		})
	}
}

// Five falls in a minute are enough: the session rests, says so, and tries again.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		sc := run(t, "crash=1", "crash=1", "crash=1", "crash=1", "crash=1", "")
		play(sc.s, 0, 30*time.Second)
		synctest.Wait()
		if st := sc.s.Status(); st.State != "resting" || len(sc.unavailable) != 1 || !strings.HasPrefix(sc.unavailable[0], "5 workers fell within 1m0s") {
			t.Errorf("%+v, %q", st, sc.unavailable)
		}
		if keys := sc.keys; keys > 1 {
			t.Errorf("the source was asked %d times for the sake of a session that rests", keys)
		}
		play(sc.s, 30*time.Second, 60*time.Second)
		sc.s.End()
		if err := <-sc.ended; err != nil {
			t.Error(err)
		}
		var first time.Time
		for i, u := range sc.units {
			if u.PTS > u.Track.Rate.Ticks(5*time.Second) {
				first = sc.at[i]
				break
			}
		}
		if d := first.Sub(began); d < time.Minute || d > 65*time.Second {
			t.Errorf("it went on after %v", d)
		}
	})
}

// A worker that refuses is not asked again.
func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := run(t, "refuse")
		play(sc.s, 0, time.Second)
		if err := <-sc.ended; err == nil || err.Error() != "this is not to be had" || len(sc.unavailable) != 1 {
			t.Errorf("%v, %q", err, sc.unavailable)
		}
	})
}

// A worker that is too slow gets what is newest, starting with key units; giving is
// never held up.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		sc := run(t, "slow=20")
		play(sc.s, 0, 20*time.Second)
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("playing 20 s took %v", d)
		}
		st := sc.s.Status()
		if st.Skipped < 500 {
			t.Errorf("%d of 600 pictures were skipped", st.Skipped)
		}
		sc.mu.Lock()
		defer sc.mu.Unlock()
		if len(sc.units) > 0 {
			last := sc.units[len(sc.units)-1]
			if at := last.Track.Rate.Duration(last.PTS); at < 12*time.Second {
				t.Errorf("the worker is at %v", at)
			}
		}
	})
}

// A cancelled context ends a session at once, whatever its worker does.
func TestCancel(t *testing.T) {
	for _, word := range []string{"", "hang=1", "slow=1"} {
		synctest.Test(t, func(t *testing.T) {
			sink := &sink{}
			s := worker.NewTestSession(job("live/x/y"), sink, quiet(), func(c net.Conn) { _ = workertest.ServeAs(c, word) })
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			play(s, 0, time.Second)
			began := time.Now()
			cancel()
			if err := <-ended; err != nil || time.Since(began) >= time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		})
	}
}

// A worker that does not flush is not waited for.
func TestEndOfAHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := run(t, "hang=10")
		play(sc.s, 0, time.Second)
		began := time.Now()
		sc.s.End()
		if err := <-sc.ended; err != nil || time.Since(began) > 6*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Every worker is told what is shown, and the next one shows it at once.
func TestScenesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan wire.Message, 100)
		serve := func(c net.Conn) {
			in, out := wire.NewReader(c), wire.NewWriter(c)
			for _, m := range []wire.Message{wire.Hello{Version: wire.Version}, wire.Levels{Of: map[media.TrackID]float64{"a": -12}}} {
				if err := out.Write(m); err != nil {
					t.Error(err)
				}
			}
			if err := out.Flush(); err != nil {
				return
			}
			for {
				m, err := in.Read()
				if err != nil {
					return
				}
				told <- m
				if s, ok := m.(wire.Scene); ok && s.FadeMillis > 0 {
					return // it falls
				}
			}
		}
		sink := &sink{}
		s := worker.NewTestSession(job("live/x/y"), sink, quiet(), serve)
		red := wire.Sprite{ID: 9, Width: 1, Height: 1, Pixels: []byte{255, 0, 0, 255}}
		s.Sprite(wire.Sprite{ID: 3, Width: 1, Height: 1, Pixels: make([]byte, 4)})
		s.Sprite(red)
		s.Sprite(wire.Sprite{ID: 3})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		synctest.Wait()
		for len(told) > 0 {
			<-told
		}
		scene := wire.Scene{Sprites: []wire.Place{{Sprite: 9, Width: 1, Opacity: 1}}, FadeMillis: 500}
		s.Scene(scene)
		time.Sleep(time.Second)
		scene.FadeMillis = 0
		var got []wire.Message
		for len(told) > 0 {
			switch m := (<-told).(type) {
			case wire.Scene, wire.Sprite:
				got = append(got, m)
			default:
			}
		}
		if want := []wire.Message{red, scene}; len(got) < 3 || !reflect.DeepEqual(got[1:3], want) {
			t.Errorf("the next worker is told %+v, want %+v", got, want)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(sink.levels) < 2 || sink.levels[0].Of["a"] != -12 {
			t.Errorf("%+v", sink.levels)
		}
	})
}

// What a mix was made of is not given again to be mixed.
func TestMixGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mixed := &media.Track{ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: media.VideoRate, Layers: make([]media.Layer, 1)}
		made := media.Ticks(6000)
		worker1 := func(c net.Conn) {
			in, out := wire.NewReader(c), wire.NewWriter(c)
			for _, m := range []wire.Message{wire.Hello{Version: wire.Version}, wire.Tracks{TrackSet: &media.TrackSet{Tracks: []*media.Track{mixed}}}} {
				if err := out.Write(m); err != nil {
					t.Error(err)
				}
			}
			for n := 0; n < 4; {
				m, err := in.Read()
				if err != nil {
					return
				}
				if _, ok := m.(wire.Unit); ok {
					n++
				}
			}
			_ = out.Write(wire.Unit{Unit: &media.Unit{Track: mixed, PTS: made, DTS: made, Flags: media.Key | media.FrameEnd, Access: [][]byte{{1}}}})
			_ = out.Flush()
		}
		var given []*media.Unit
		worker2 := func(c net.Conn) {
			in, out := wire.NewReader(c), wire.NewWriter(c)
			_ = out.Write(wire.Hello{Version: wire.Version})
			_ = out.Flush()
			for {
				m, err := in.Read()
				if err != nil {
					return
				}
				if u, ok := m.(wire.Unit); ok {
					given = append(given, u.Unit)
				}
			}
		}
		j := job("live/x/mix")
		j.Mix = &wire.Mix{Width: 64, Height: 64, FPS: 30}
		s := worker.NewTestSession(j, &sink{}, quiet(), worker1, worker2)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		guest := *mixed
		guest.ID = "guest"
		s.SetTracks(&media.TrackSet{Tracks: []*media.Track{&guest}})
		for i := range media.Ticks(4) {
			flags := media.FrameEnd
			if i == 0 {
				flags |= media.Key
			}
			s.Put(&media.Unit{Track: &guest, PTS: i * 3000, DTS: i * 3000, Flags: flags, Arrived: time.Now(), Access: [][]byte{{1}}})
		}
		time.Sleep(300 * time.Millisecond)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(given) != 4 {
			t.Fatalf("%d units were given again", len(given))
		}
		for _, u := range given {
			if again := !u.Flags.Has(wire.Preroll); again != (u.PTS > made) {
				t.Errorf("the unit at %d is to be mixed: %v", u.PTS, again)
			}
		}
	})
}

// What joins does not hold up what is there.
func TestJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := run(t, "")
		set := stagetest.Both()
		sc.s.SetTracks(set)
		video := set.Tracks[0]
		put := func(track *media.Track, pts media.Ticks, flags media.Flags) bool {
			return sc.s.Put(&media.Unit{Track: track, PTS: pts, DTS: pts, Flags: flags | media.FrameEnd, Arrived: time.Now(), Access: [][]byte{{1}}})
		}
		if put(video, 0, media.Key) {
			t.Error("a key unit is not enough")
		}
		guest := *video
		guest.ID = "guest"
		sc.s.SetTracks(&media.TrackSet{Version: 9, Tracks: append(slices.Clone(set.Tracks), &guest)})
		if put(video, 3000, 0) {
			t.Error("a track that stays waits for a key unit")
		}
		if !put(&guest, 3000, 0) {
			t.Error("a track that joins does not wait for a key unit")
		}
		sc.s.End()
		if err := <-sc.ended; err != nil {
			t.Error(err)
		}
		if len(sc.units) != 2 {
			t.Errorf("%d units", len(sc.units))
		}
	})
}

// The next worker is given all pictures since the key unit of each track, so that none of
// them has to wait for another one; what it is given again it need not make again.
func TestEachTrackGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var given []*media.Unit
		serve := func(most int) func(net.Conn) {
			return func(c net.Conn) {
				in, out := wire.NewReader(c), wire.NewWriter(c)
				if out.Write(wire.Hello{Version: wire.Version}) != nil || out.Flush() != nil {
					return
				}
				for n := 0; n < most; {
					m, err := in.Read()
					if err != nil {
						return
					}
					if u, ok := m.(wire.Unit); ok {
						n++
						mu.Lock()
						given = append(given, u.Unit)
						mu.Unlock()
					}
				}
			}
		}
		sink := &sink{}
		s := worker.NewTestSession(job("live/x/y"), sink, quiet(), serve(7), serve(1000))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		a, b := stagetest.VideoTrack(), stagetest.VideoTrack()
		a.ID, b.ID = "a", "b"
		s.SetTracks(&media.TrackSet{Version: 1, Tracks: []*media.Track{a}})
		put := func(track *media.Track, pts media.Ticks, flags media.Flags) {
			u := &media.Unit{Track: track, PTS: pts, DTS: pts, Flags: flags | media.FrameEnd, Arrived: time.Now(), Access: [][]byte{{1}}}
			if s.Put(u) {
				t.Errorf("%s at %d needs a key unit", track.ID, pts)
			}
			synctest.Wait()
		}
		put(a, 1, media.Key)
		s.SetTracks(&media.TrackSet{Version: 2, Tracks: []*media.Track{a, b}}) // b joins
		put(a, 2, 0)
		put(b, 2, media.Key)
		put(a, 3, 0)
		put(b, 3, media.Key)
		put(a, 4, 0)
		time.Sleep(time.Second)
		put(b, 4, 0) // the worker falls
		time.Sleep(time.Second)
		put(a, 5, 0)
		cancel()
		<-ended
		var got []string
		for _, u := range given[7:] {
			text := fmt.Sprint(u.Track.ID, u.PTS)
			if u.Flags.Has(wire.Preroll) {
				text += "p"
			}
			got = append(got, text)
		}
		if text, want := strings.Join(got, " "), "a1p a2p a3p b3p a4p b4 a5"; text != want || sink.keys != 0 {
			t.Errorf("the next worker is given %s, want %s; %d key units are asked for", text, want, sink.keys)
		}
	})
}

// A log of a thousand lines is not passed on.
func TestNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		sink := &sink{}
		s := worker.NewTestSession(job("live/x/y"), sink, slog.New(slog.NewTextHandler(&text, nil)),
			func(c net.Conn) { _ = workertest.ServeAs(c, "noise") })
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		play(s, 0, time.Second)
		s.End()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := strings.Count(text.String(), "worker.class=h264"); n != 20 || !strings.Contains(text.String(), "lines=980") {
			t.Errorf("%d lines:\n%s", n, text.String())
		}
	})
}

// A worker announces its tracks one after the other, as it gets to know them. Those that
// did not change are the same after a fall, also while the others are not there yet.
func TestTracksStay(t *testing.T) {
	one := func(from *media.TrackSet, n int) wire.Tracks {
		return wire.Tracks{TrackSet: &media.TrackSet{Version: from.Version, Tracks: from.Tracks[:n]}}
	}
	announce := func(c net.Conn) {
		set, out := stagetest.Both(), wire.NewWriter(c)
		for _, m := range []wire.Message{wire.Hello{Version: wire.Version}, one(set, 1), one(set, 2)} {
			if out.Write(m) != nil || out.Flush() != nil {
				return
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		sink := &sink{}
		drain := func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			announce(c)
		}
		s := worker.NewTestSession(job("x"), sink, quiet(), drain, func(c net.Conn) { drain(c); <-ctx.Done() })
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(time.Second)
		cancel()
		<-ended
		if len(sink.sets) != 4 {
			t.Fatalf("%d sets", len(sink.sets))
		}
		if !slices.Equal(sink.sets[1].Tracks, sink.sets[3].Tracks) {
			t.Error("the tracks are others after a fall")
		}
	})
}
