package whip

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/access/accesstest"
)

// A publisher is a session while it is heard, and can be sent away.
func TestDismiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		p := s.publish(both())
		<-p.Connected
		p.Movie(t, 5*time.Second, 2)
		all := s.graph.Sessions()
		if len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		got := all[0]
		if got.Stage != "cam" || !got.Publisher || got.Protocol != "whip" || got.Remote.String() != "10.0.1.2:5000" ||
			got.Agent != "Test/1[2J" || "whip/"+got.ID == p.session || got.Bytes < 1000 || got.Bitrate < 1000 {
			t.Errorf("%+v", got)
		}
		if s.graph.Dismiss(p.session[len("whip/"):], "no") || !s.graph.Dismiss(got.ID, "Please stop.") {
			t.Error("the wrong one was sent away")
		}
		synctest.Wait()
		if left := s.graph.Sessions(); len(left) != 0 || s.graph.Dismiss(got.ID, "again") {
			t.Errorf("%+v", left)
		}
		if r := s.do("PATCH", p.session, "", fragType); r.StatusCode != http.StatusNotFound {
			t.Errorf("the session of somebody who was sent away: %s", r.Status)
		}
		<-s.ended
	})
}

// A publisher whose pass ends is gone within a second.
func TestPassEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		script := accesstest.NewScript(accesstest.Rule{
			Action: access.Publish, Path: "live/studio", Token: key, Subject: "ann", Expires: time.Now().Add(20 * time.Second),
		})
		s.policy.Policy = script
		p := s.publish(both())
		<-p.Connected
		p.Movie(t, time.Second, 2)
		script.Withdraw(key)
		script.Add(accesstest.Rule{Action: access.Publish, Path: "live/studio", Token: key, Subject: "bob"})
		time.Sleep(time.Second)
		if all := s.graph.Sessions(); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		second := s.publish(both())
		<-second.Connected
		second.Movie(t, time.Second, 2)
		if all := s.graph.Sessions(); len(all) != 1 || all[0].Subject != "bob" {
			t.Fatalf("%+v", all)
		}
	})
}

// A policy that does not answer is not waited for any longer than it may take.
func TestPolicyHangs(t *testing.T) {
	offer := sample(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Demanded, open())
		script := &accesstest.Script{}
		s.policy.Policy = script
		defer script.Hold()()
		began := time.Now()
		if r := s.post(offer); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || time.Since(began) > 5*time.Second {
			t.Errorf("%s after %v", r.Status, time.Since(began))
		}
		script.Fail(errors.New("secret"))
	})
}

// Nobody takes over from somebody else, whoever is let in.
func TestTakeoverByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		script := accesstest.NewScript(accesstest.Rule{Action: access.Publish, Path: "live/studio", Token: key, Subject: "ann"})
		s.policy.Policy = script
		ann := s.publish(both())
		<-ann.Connected
		ann.Movie(t, time.Second, 2)
		s.policy.Policy = accesstest.NewScript(accesstest.Rule{Action: access.Publish, Path: "live/studio", Token: key, Subject: "bob"})
		bob := s.publish(both())
		<-bob.Connected
		go bob.Movie(t, time.Second, 2)
		ann.Movie(t, time.Second, 2)
		if all := s.graph.Sessions(); len(all) != 1 || all[0].Subject != "ann" {
			t.Errorf("%+v", all)
		}
		time.Sleep(time.Second)
	})
}
