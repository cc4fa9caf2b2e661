package whip

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc/rtctest"
	"weir/pipeline/stagetest"
)

func TestStage(t *testing.T) {
	stagetest.Run(t, Factory(nil, nil, nil), stagetest.Options{})
}

// A publisher's media gets through, and the stage ends after the grace.
func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		p := s.publish(both())
		<-p.Connected
		p.Movie(t, 5*time.Second, 4)
		time.Sleep(100 * time.Millisecond)
		if got, want := s.check(), "[H.264 Opus] 600 video 250 audio"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		keys, ends := 0, 0
		for _, u := range s.sink.Units() {
			if u.Kind() == media.KindVideo && u.Flags.Has(media.Key) {
				keys++
			}
			if u.Kind() == media.KindVideo && u.Flags.Has(media.FrameEnd) {
				ends++
			}
			if late := u.Arrived.Sub(s.graph.Snapshot().Epoch) - u.Time(); late.Abs() > 40*time.Millisecond {
				t.Fatalf("%s at %v came %v later", u.Track.ID, u.Time(), late)
			}
		}
		if keys != 5 || ends != 150 {
			t.Errorf("%d key pictures, %d ends", keys, ends)
		}
		if off := s.skew(); off.Abs() > 2*time.Millisecond {
			t.Errorf("the picture is %v behind the sound", off)
		}
		st := s.status()
		if st.State != "publishing" || st.Remote != "10.0.1.2:5000" || st.Encoder != "Test/1[2J" || st.Codecs["video"] != "H.264" {
			t.Errorf("%+v", st)
		}
		r := s.do("DELETE", p.session, "")
		if r.StatusCode != http.StatusOK {
			t.Error(r.Status)
		}
		began := time.Now()
		<-p.Lost
		<-s.ended
		if d := time.Since(began); d < 9*time.Second || d > 11*time.Second {
			t.Errorf("the stage ended %v after the publisher", d)
		}
		if r := s.do("DELETE", p.session, ""); r.StatusCode != http.StatusOK {
			t.Errorf("deleted twice: %s", r.Status)
		}
	})
}

// R1, R3: a publisher that is gone and comes back goes on on the same timeline.
func TestReturnWithinGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		one := s.publish(both())
		<-one.Connected
		one.Movie(t, 2*time.Second, 2)
		_ = one.PC.Close()
		time.Sleep(3 * time.Second)
		if st := s.status(); st.State != "waiting" {
			t.Errorf("%+v", st)
		}
		two := s.publish(both())
		<-two.Connected
		two.Movie(t, 2*time.Second, 2)
		time.Sleep(100 * time.Millisecond)
		got := s.check()
		if strings.Count(got, "[") != 1 || strings.Count(got, "D:video") != 1 || strings.Count(got, "D:audio") != 1 {
			t.Error(got)
		}
		var before, after *media.Unit
		for _, u := range s.sink.Units() {
			if u.Kind() == media.KindVideo && after == nil {
				if u.Flags.Has(media.Discontinuity) {
					after = u
				} else {
					before = u
				}
			}
		}
		if step, passed := after.Time()-before.Time(), after.Arrived.Sub(before.Arrived); (step - passed).Abs() > 30*time.Millisecond {
			t.Errorf("the timeline went on by %v in %v", step, passed)
		}
	})
}

// R2: a new publisher takes over when its media begins, and not before.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		old := s.publish(both())
		<-old.Connected
		go old.Movie(t, 10*time.Second, 2)
		time.Sleep(2 * time.Second)

		o := both()
		o.Net = s.network.Client()
		idle := rtctest.NewEncoder(t, o)
		if r := s.post(idle.Offer(t)); r.StatusCode != http.StatusCreated {
			t.Fatal(r.Status) // it never hears of it
		}
		time.Sleep(2 * time.Second)
		if st := s.status(); st.Sessions != 1 || st.State != "publishing" {
			t.Errorf("%+v", st)
		}

		young := s.publish(both())
		<-young.Connected
		go young.Movie(t, 3*time.Second, 2)
		<-old.Lost
		time.Sleep(4 * time.Second)
		got := s.check()
		if strings.Count(got, "[") != 1 || strings.Count(got, "D:video") != 1 || strings.Count(got, "D:audio") != 1 {
			t.Error(got)
		}
		after := map[media.Kind]int{}
		for _, u := range s.sink.Units() {
			if after[u.Kind()] > 0 || u.Flags.Has(media.Discontinuity) {
				after[u.Kind()]++
			}
		}
		if after[media.KindVideo] != 180 || after[media.KindAudio] != 150 {
			t.Errorf("%v of the new publisher in %s", after, got)
		}
		if st := s.status(); st.Takeovers != 1 || st.Sessions != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// The layers are those that were offered, in that order.
func TestSimulcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		o := both()
		o.RIDs = []string{"q", "h", "f"}
		p := s.publish(o)
		<-p.Connected
		p.Movie(t, 2*time.Second, 2)
		time.Sleep(100 * time.Millisecond)
		if got, want := s.check(), "[H.264 Opus] 120 video 120 video/1 120 video/2 100 audio"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		var names []string
		for _, u := range s.sink.Units() {
			if u.Kind() == media.KindVideo {
				for _, l := range u.Track.Layers {
					names = append(names, l.Name)
				}
				break
			}
		}
		if strings.Join(names, " ") != "q h f" {
			t.Error(names)
		}
	})
}

// A sound that stops is not waited for, and comes back.
func TestTracksComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		p := s.publish(both())
		<-p.Connected
		sound := p.Audio
		p.Audio = nil
		p.Movie(t, time.Second, 1)
		time.Sleep(20 * time.Millisecond)
		if got, want := s.check(), "[H.264] 30 video"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		p.Audio = sound
		p.Continue(t, time.Second, 1)
		p.Audio = nil
		p.Continue(t, 4*time.Second, 1)
		p.Audio = sound
		p.Continue(t, time.Second, 1)
		time.Sleep(100 * time.Millisecond)
		got := s.check()
		for n, want := range []string{"[H.264] ", "[H.264 Opus] ", "[H.264] ", "[H.264 Opus] "} {
			_, rest, ok := strings.Cut(got, want)
			if !ok {
				t.Errorf("set %d is not %s: %s", n, want, got)
				break
			}
			got = rest
		}
	})
}

func TestTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open()
		c.MaxBitrate = 100e3
		s := newStudio(t, pipeline.Published, c)
		p := s.publish(both())
		<-p.Connected
		go p.Movie(t, 6*time.Second, 4)
		<-p.Lost
		<-s.ended
		if !strings.Contains(s.log.String(), "at most 100k are allowed") {
			t.Error(s.log.String())
		}
		time.Sleep(6 * time.Second)
	})
}

// R19: 10 % loss both ways. Pictures that are incomplete are marked, and a key frame
// is asked for.
func TestLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		p := s.publish(both())
		<-p.Connected
		s.network.Impair(rtctest.Both(rtctest.Loss(0.1, 1), rtctest.Jitter(20*time.Millisecond, 2)), rtctest.Loss(0.1, 3))
		p.Movie(t, 10*time.Second, 8)
		time.Sleep(time.Second)
		got := s.check()
		video := 0
		for _, u := range s.sink.Units() {
			if u.Kind() == media.KindVideo {
				video++
			}
		}
		if video < 2155 || strings.Contains(got, "G:video") { // the beginning may be lost
			t.Errorf("%d of 2400 packets: %s", video, got)
		}
	})
}

// A publisher that sends key frames only when asked is asked.
func TestKeyframeEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open()
		c.KeyframeEvery = 2 * time.Second
		s := newStudio(t, pipeline.Published, c)
		o := both()
		o.RIDs = []string{"a", "b"}
		p := s.publish(o)
		<-p.Connected
		p.Movie(t, 9*time.Second, 1)
		time.Sleep(100 * time.Millisecond)
		if n := len(p.Plis); n != 8 {
			t.Errorf("%d requests in 9 s for 2 layers", n)
		}
	})
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"":               func(*Config) {},
		"grace":          func(c *Config) { c.Grace = -1 },
		"max_bitrate":    func(c *Config) { c.MaxBitrate = 0 },
		"keyframe_every": func(c *Config) { c.KeyframeEvery = time.Millisecond },
		"keys":           func(c *Config) { c.Keys = make([]pipeline.Secret, 1) },
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
