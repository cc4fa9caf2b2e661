package rtmp

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/instance"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
	"weir/pipeline/stagetest"
)

func TestStage(t *testing.T) {
	stagetest.Run(t, Factory(&Door{}), stagetest.Options{})
}

// open is a configuration for encoders at 192.0.2.1.
func open() Config {
	c := defaults()
	c.Key = pipeline.NewSecret("correct horse battery staple")
	return c
}

func (e *encoder) with(key string) *encoder {
	e.request.Key = pipeline.NewSecret(key)
	return e
}

func valid(name string) *encoder { return newEncoder(name).with("correct horse battery staple") }

// A publisher is read as soon as the least patient consumer wants.
func TestPace(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t.Context(), t, pipeline.Published, open())
		e := valid("Encoder")
		s.enter(e)
		for i, c := range []struct{ nap, pace time.Duration }{{0, 0}, {40 * time.Millisecond, 20 * time.Millisecond}, {0, 0}} {
			s.sink.Nap(c.nap)
			e.send(tags[:20], uint32(i)*1000)
			synctest.Wait()
			if got := time.Duration(e.pace.Load()); got != c.pace {
				t.Errorf("with naps of %v the publisher is read every %v, want %v", c.nap, got, c.pace)
			}
		}
		close(e.messages)
		<-s.ended
	})
}

// A publisher's whole clip gets through, the stage ends after the grace.
func TestPublish(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t.Context(), t, pipeline.Published, open())
		e := valid("Encoder\x1b[2J 1.0")
		s.enter(e)
		began := time.Now()
		e.send(tags, 1<<32-3000) // wraps in the middle
		synctest.Wait()
		if got, want := s.check(), "[H.264 AAC] 180 video 283 audio"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		st := s.status()
		if st.State != "publishing" || st.Remote != "192.0.2.1:5000" || st.Codecs["audio"] != "mp4a.40.2" || st.Sessions != 1 {
			t.Errorf("%+v", st)
		}
		epoch := s.graph.Snapshot().Epoch
		for _, u := range s.sink.Units() {
			if off := u.Time() - u.Arrived.Sub(epoch); off.Abs() > 25*time.Millisecond {
				t.Fatalf("%s at %v came after %v", u.Track.ID, u.Time(), u.Arrived.Sub(epoch))
			}
		}
		sent := time.Since(began)
		close(e.messages)
		<-s.ended
		if d := time.Since(began) - sent; d != 10*time.Second {
			t.Errorf("the stage ended %v after the publisher", d)
		}
	})
}

// R1: a publisher that drops and returns goes on on the same timeline.
func TestReturnWithinGrace(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := newStudio(ctx, t, pipeline.Published, open())
		first := valid("one")
		s.enter(first)
		first.send(until(tags, 3000), 1000)
		first.Close(errors.New("connection reset")) // as if the network had
		time.Sleep(3 * time.Second)
		if st := s.status(); st.State != "waiting" {
			t.Errorf("%+v", st)
		}
		second := valid("two")
		s.enter(second)
		second.send(tags, 500_000)
		synctest.Wait()
		if got, want := s.check(), "[H.264 AAC] 90 video 141 audio D:audio 1 audio D:video 180 video 282 audio"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		var last, next *media.Unit
		for _, u := range s.sink.Units() {
			if u.Kind() == media.KindVideo && next == nil {
				if u.Flags.Has(media.Discontinuity) {
					next = u
				} else {
					last = u
				}
			}
		}
		if step, passed := next.Time()-last.Time(), next.Arrived.Sub(last.Arrived); (step - passed).Abs() > 30*time.Millisecond {
			t.Errorf("the timeline went on by %v in %v", step, passed)
		}
		cancel()
		<-s.ended
		var told *rtmpd.StatusError
		if !errors.As(second.why, &told) || told.Code != rtmpd.CodeFailed {
			t.Errorf("the publisher was told %v", second.why)
		}
		if log := s.log.String(); strings.Count(log, "msg=tracks") != 1 || strings.Contains(log, "horse") {
			t.Error(log)
		}
	})
}

// R2: a new publisher takes over at once, also from one that is half open.
func TestTakeover(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := newStudio(ctx, t, pipeline.Published, open())
		old := valid("old")
		s.enter(old)
		go old.send(tags, 0)
		time.Sleep(2 * time.Second)
		began := time.Now()
		young := valid("young")
		s.enter(young)
		<-old.closed
		if d := time.Since(began); d != 0 {
			t.Errorf("the old one was closed after %v", d)
		}
		var told *rtmpd.StatusError
		if !errors.As(old.why, &told) || told.Code != rtmpd.CodeBadName {
			t.Errorf("the old one was told %v", old.why)
		}
		young.send(tags, 70_000)
		synctest.Wait()
		got := s.check()
		if !strings.HasSuffix(got, "D:audio 1 audio D:video 180 video 282 audio") || strings.Count(got, "[") != 1 {
			t.Errorf("got %s", got)
		}
		if st := s.status(); st.Takeovers != 1 || st.Sessions != 2 || st.Encoder == "old" {
			t.Errorf("%+v", st)
		}
		cancel()
		<-s.ended
	})
}

// Fifty publishers take over from each other as fast as they can.
func TestTakeoverStorm(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := newStudio(ctx, t, pipeline.Published, open())
		var last *encoder
		for range 50 {
			last = valid("storm")
			s.enter(last)
			go last.send(tags, 0)
		}
		time.Sleep(10 * time.Second)
		if got := s.check(); !strings.HasSuffix(got, "180 video 283 audio") && !strings.HasSuffix(got, "180 video 282 audio") {
			t.Errorf("got %s", got)
		}
		if st := s.status(); st.Takeovers != 49 {
			t.Errorf("%+v", st)
		}
		cancel()
		<-s.ended
	})
}

// An instance that no publisher started waits for ever.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newStudio(ctx, t, pipeline.Demanded, open())
		time.Sleep(24 * time.Hour)
		select {
		case <-s.ended:
			t.Error("the stage has ended")
		default:
		}
		cancel()
		<-s.ended
	})
}

// A publisher that comes just when the grace has passed is served, or left to the next
// instance: the one that ends does not take it.
func TestReturnAsGraceEnds(t *testing.T) {
	for range 64 {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := newStudio(ctx, t, pipeline.Published, open())
			late := valid("late")
			var gave sync.WaitGroup
			gave.Go(func() {
				time.Sleep(open().Grace)
				waiting, leave := context.WithTimeout(t.Context(), time.Second)
				defer leave()
				_ = enter(waiting, s.door, s.policy, late)
			})
			gave.Wait()
			synctest.Wait()
			select {
			case <-late.closed:
				t.Errorf("it was taken, and told %v", late.why)
			default:
			}
			cancel()
			<-s.ended
		})
	}
}

// R16: what the set of tracks says as tracks come and go. The clip's picture ends
// with a message that says so.
func TestTracks(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	video, audio := only(tags, flv.Video), only(tags, flv.Audio)
	later := func(tags []flv.Tag, ms uint32) []flv.Tag {
		out := append([]flv.Tag(nil), tags...)
		for i := range out {
			out[i].Timestamp += ms
		}
		return out
	}
	// merged interleaves by time.
	merged := func(lists ...[]flv.Tag) (out []flv.Tag) {
		for {
			best := -1
			for i, l := range lists {
				if len(l) > 0 && (best < 0 || l[0].Timestamp < lists[best][0].Timestamp) {
					best = i
				}
			}
			if best < 0 {
				return out
			}
			out, lists[best] = append(out, lists[best][0]), lists[best][1:]
		}
	}
	for _, c := range []struct {
		name string
		tags []flv.Tag
		want string
	}{
		{"picture only", video, "[H.264] 180 video"},
		{"sound only", audio, "[AAC] 283 audio"},
		{"sound a little later", merged(video, later(audio, 300)), "[H.264 AAC] 180 video 283 audio"},
		{"sound later", merged(video, later(audio, 2000)), "[H.264] 60 video [H.264 AAC] 120 video 234 audio [AAC] 49 audio"},
		{
			"sound disappears and returns", merged(video, until(audio, 1000), later(audio, 4500)),
			"[H.264 AAC] 119 video 47 audio [H.264] 16 video [H.264 AAC] G:audio 45 video 117 audio [AAC] 166 audio",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t.Context(), t, pipeline.Published, open())
				e := valid(c.name)
				s.enter(e)
				e.send(c.tags, 0)
				close(e.messages)
				<-s.ended
				if got := s.check(); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

// Damaged messages cost themselves, and one line of log in ten seconds.
func TestDamage(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	for i := range tags {
		if i > 20 && i%10 == 0 {
			tags[i].Payload = tags[i].Payload[:len(tags[i].Payload)/2]
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t.Context(), t, pipeline.Published, open())
		e := valid("")
		s.enter(e)
		for range 2000 {
			e.message(flv.Tag{Type: flv.Video, Payload: []byte{0x17}}, 0)
		}
		e.send(tags, 0)
		close(e.messages)
		<-s.ended
		s.check()
		if n := strings.Count(s.log.String(), "level=WARN"); n == 0 || n > 3 {
			t.Errorf("%d warnings:\n%s", n, s.log)
		}
	})
}

func TestTooMuch(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	synctest.Test(t, func(t *testing.T) {
		c := open()
		c.MaxBitrate = 200e3
		s := newStudio(t.Context(), t, pipeline.Published, c)
		e := valid("")
		s.enter(e)
		if e.send(tags, 0) {
			t.Error("nobody minded")
		}
		var told *rtmpd.StatusError
		if !errors.As(e.why, &told) || !strings.Contains(told.Text, "at most 200k are allowed") {
			t.Errorf("told %v", e.why)
		}
		<-s.ended
	})
}

func TestRefusalsInWords(t *testing.T) {
	c := defaults()
	c.Key = pipeline.NewSecret("a")
	for _, tt := range []struct {
		config      Config
		remote, key string
		want        string
	}{
		{c, "192.0.2.1:1", "b", "The key is wrong. (NetStream.Publish.Denied)"},
		{c, "127.0.0.1:1", "", "The key is missing. Add ?key=… to the stream's name. (NetStream.Publish.Denied)"},
		{defaults(), "192.0.2.1:1", "", "Publishing from other machines needs a key, and this stream has none: set key in its ingest stage. (NetStream.Publish.Denied)"},
	} {
		door := new(Door)
		if _, err := door.Announce(pipeline.Announcement{Pattern: pattern(t, "live/{name}"), Config: &tt.config}); err != nil {
			t.Fatal(err)
		}
		e := newEncoder("").with(tt.key)
		e.request.Remote = remote(t, tt.remote)
		if err := enter(t.Context(), door, access.Keys{}, e); err == nil || err.Error() != tt.want {
			t.Errorf("%s with %q: %v, want %q", tt.remote, tt.key, err, tt.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	door := &Door{}
	e := valid("")
	if err := enter(t.Context(), door, access.Keys{}, e); err == nil || err.Error() != "No pipeline takes RTMP at live/studio. (NetStream.Publish.BadName)" {
		t.Error(err)
	}
	c := open()
	var wake error
	if _, err := door.Announce(pipeline.Announcement{Pattern: pattern(t, "live/{name}"), Config: &c, Wake: func(string) error { return wake }}); err != nil {
		t.Fatal(err)
	}
	wake = instance.ErrDraining
	var told *rtmpd.StatusError
	if err := enter(t.Context(), door, access.Keys{}, e); !errors.As(err, &told) || told.Text != "The server is shutting down." {
		t.Error(err)
	}
	wake = errors.New("boom")
	if err := enter(t.Context(), door, access.Keys{}, e); !errors.As(err, &told) || told.Text != "The pipeline could not be started." || !errors.Is(err, wake) {
		t.Error(err)
	}
	wake = nil
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := enter(ctx, &Door{}, access.Keys{}, e); err == nil {
			t.Error("it entered")
		}
	})
}

// Two sources of one pipeline have a path each, and wake the same instance.
func TestPlaces(t *testing.T) {
	door := &Door{}
	f, _ := Factory(door).(pipeline.Announcer)
	woken := make(chan string, 2)
	for _, at := range []string{"", "guest"} {
		c := open()
		c.At = at
		if _, err := f.Announce(pipeline.Announcement{Pattern: pattern(t, "live/{name}"), Config: &c, Wake: func(path string) error {
			woken <- path
			return errors.New("enough")
		}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"live/studio", "live/studio/guest"} {
		e := valid("")
		e.request.Path = path
		_ = enter(t.Context(), door, access.Keys{}, e)
		select {
		case got := <-woken:
			if got != "live/studio" {
				t.Errorf("%s wakes %s", path, got)
			}
		default:
			t.Errorf("%s wakes nothing", path)
		}
	}
	if at := (pipeline.Env{Pipeline: "live/studio"}).At("guest"); at != "live/studio/guest" {
		t.Errorf("the seat is at %s", at)
	}
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"":            func(*Config) {},
		"grace":       func(c *Config) { c.Grace = -1 },
		"max_bitrate": func(c *Config) { c.MaxBitrate = 0 },
		"keys":        func(c *Config) { c.Keys = make([]pipeline.Secret, 1) },
		"at":          func(c *Config) { c.At = "a/b" },
	} {
		c := defaults()
		change(&c)
		err := c.Validate()
		var field *pipeline.FieldError
		if (err == nil) != (want == "") || err != nil && (!errors.As(err, &field) || field.Field != want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
