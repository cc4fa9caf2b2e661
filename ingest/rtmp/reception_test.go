package rtmp

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/access/accesstest"
	"weir/pipeline/service/rtmpd"
)

func pattern(t *testing.T, text string) pipeline.Pattern {
	t.Helper()
	p, err := pipeline.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A publisher is a session while it is heard, and can be sent away with a word.
func TestDismiss(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t.Context(), t, pipeline.Published, open())
		if got := s.graph.Sessions(); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		e := valid("OBS\x1b[31m")
		e.request.Secure = true
		began := time.Now()
		s.enter(e)
		e.send(until(tags, 5000), 0)
		synctest.Wait()
		all := s.graph.Sessions()
		if len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		got := all[0]
		if got.Stage != "cam" || !got.Publisher || got.Protocol != "rtmps" || got.Remote != e.request.Remote ||
			got.Agent == "" || got.ID == "" || !got.Since.Equal(began) || got.Bytes < 100_000 || got.Bitrate < 100_000 {
			t.Errorf("%+v", got)
		}
		if s.graph.Dismiss("x"+got.ID, "no") {
			t.Error("somebody else was sent away")
		}
		if !s.graph.Dismiss(got.ID, "Please stop.") {
			t.Error("nobody was sent away")
		}
		synctest.Wait()
		var told *rtmpd.StatusError
		if !errors.As(e.why, &told) || told.Code != rtmpd.CodeDenied || told.Text != "Please stop." {
			t.Errorf("the publisher was told %v", e.why)
		}
		if left := s.graph.Sessions(); len(left) != 0 || s.graph.Dismiss(got.ID, "again") {
			t.Errorf("%+v", left)
		}
		next := valid("next")
		s.enter(next) // within the grace
		synctest.Wait()
		if now := s.graph.Sessions(); len(now) != 1 || now[0].ID == got.ID || now[0].Bytes != 0 {
			t.Errorf("%+v", now)
		}
		close(next.messages)
		<-s.ended
	})
}

// A publisher whose pass ends is told so within a second.
func TestPassEnds(t *testing.T) {
	for name, end := range map[string]func(*accesstest.Script){
		"expired":   func(*accesstest.Script) { time.Sleep(time.Minute) },
		"withdrawn": func(s *accesstest.Script) { time.Sleep(time.Second); s.Withdraw("correct horse battery staple") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t.Context(), t, pipeline.Published, open())
				script := accesstest.NewScript(accesstest.Rule{
					Action: access.Publish, Path: "live/studio", Token: "correct horse battery staple", Subject: "studio key",
					Expires: time.Now().Add(time.Minute),
				})
				s.policy = script
				e := valid("")
				s.enter(e)
				synctest.Wait()
				if got := s.graph.Sessions(); len(got) != 1 || got[0].Subject != "studio key" {
					t.Errorf("%+v", got)
				}
				end(script)
				synctest.Wait()
				var told *rtmpd.StatusError
				if !errors.As(e.why, &told) || told.Code != rtmpd.CodeDenied {
					t.Errorf("the publisher was told %v", e.why)
				}
				if err := enter(t.Context(), s.door, s.policy, valid("")); err == nil {
					t.Error("it came back")
				}
				<-s.ended
			})
		})
	}
}

// A policy that does not answer is not waited for any longer than it may take.
func TestPolicyHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t.Context(), t, pipeline.Published, open())
		script := &accesstest.Script{}
		release := script.Hold()
		began := time.Now()
		err := enter(t.Context(), s.door, script, valid(""))
		var told *rtmpd.StatusError
		if !errors.As(err, &told) || told.Code != rtmpd.CodeFailed || time.Since(began) > 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		release()
		<-s.ended
	})
}

// Nobody takes over from somebody else, whoever is let in.
func TestTakeoverByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t.Context(), t, pipeline.Published, open())
		script := &accesstest.Script{}
		for token, subject := range map[string]string{"a": "ann", "a2": "ann", "b": "bob"} {
			script.Add(accesstest.Rule{Action: access.Publish, Path: "live/studio", Token: token, Subject: subject})
		}
		s.policy = script
		ann, bob, again := newEncoder("").with("a"), newEncoder("").with("b"), newEncoder("").with("a2")
		for _, e := range []*encoder{ann, bob, again} {
			s.enter(e)
			synctest.Wait()
		}
		var told *rtmpd.StatusError
		if !errors.As(bob.why, &told) || told.Code != rtmpd.CodeBadName {
			t.Errorf("bob was told %v", bob.why)
		}
		if !errors.As(ann.why, &told) || told.Code != rtmpd.CodeBadName || again.why != nil {
			t.Errorf("ann was told %v, and then %v", ann.why, again.why)
		}
		close(again.messages)
		<-s.ended
	})
}
