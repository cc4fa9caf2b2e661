package whep

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/access"
	"weir/pipeline/access/accesstest"
	"weir/pipeline/service/rtc/rtctest"
)

// gone waits until a viewer has noticed the end, and returns how long that took.
func (p *player) gone() time.Duration {
	p.t.Helper()
	began := time.Now()
	select {
	case <-p.lost:
	case <-time.After(time.Minute):
		p.t.Error("the viewer still watches")
	}
	return time.Since(began)
}

// A viewer is a session that shows nothing of its address and can be ended; so does the
// end of its pass.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video(""), sound())
		script := accesstest.NewScript(
			accesstest.Rule{Action: access.Play, Path: "live/studio", Token: "a", Subject: "ann"},
			accesstest.Rule{Action: access.Play, Path: "live/studio", Token: "b", Subject: "bob", Expires: time.Now().Add(10 * time.Second)},
			accesstest.Rule{Action: access.Play, Path: "live/studio", Token: "c", Subject: "carl"},
		)
		s.lets.Store(script)
		s.play(0, 30*time.Second, 60, 10_000)
		var players []*player
		for _, token := range []string{"a", "b", "c"} {
			p := newPlayer(t, s, n.Client())
			p.join("?token=" + token)
			<-p.connected
			players = append(players, p)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		all := s.graph.Sessions()
		if len(all) != 3 {
			t.Fatalf("%+v", all)
		}
		for i, name := range []string{"ann", "bob", "carl"} {
			got, p := all[i], players[i]
			if got.Stage != "watch" || got.Publisher || got.Protocol != "whep" || got.Subject != name || got.Bytes < 100_000 || got.Bitrate < 100_000 || !got.Remote.IsValid() {
				t.Errorf("%+v", got)
			}
			if strings.Contains(p.location, got.ID) || strings.Contains(p.location, "token") || s.graph.Dismiss(strings.TrimPrefix(p.location, "whep/"), "no") {
				t.Errorf("%s is at %s", got.ID, p.location)
			}
		}
		if !s.graph.Dismiss(all[0].ID, "Enough.") || s.graph.Dismiss(all[0].ID, "Enough.") {
			t.Error("ann was not sent away, or twice")
		}
		players[0].gone()
		if d := players[1].gone(); time.Since(players[1].began) > 11*time.Second {
			t.Errorf("bob went %v after he had to", d)
		}
		script.Withdraw("c")
		if d := players[2].gone(); d > time.Second {
			t.Errorf("carl went after %v", d)
		}
		if st := s.status(); st.Counts[endedDismissed] != 1 || st.Counts[endedPass] != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// Whoever may not watch is told that, and not whether there is something to watch.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), sound())
		script := accesstest.NewScript(
			accesstest.Rule{Action: access.Play, Path: "live/other", Token: "other"},
			accesstest.Rule{Action: access.Play, Path: "live/studio", Token: "old", Expires: time.Now().Add(-time.Second)},
			accesstest.Rule{Action: access.Play, Path: "live/studio", Token: "full", Limited: true},
		)
		s.lets.Store(script)
		for _, offline := range []bool{false, true} {
			for leaf, want := range map[string]string{
				"whep":             "401 credentials_missing",
				"whep?token=wrong": "401 credentials_wrong",
				"whep?token=old":   "401 credentials_expired",
				"whep?token=other": "403 forbidden",
				"whep?token=full":  "429 limited",
			} {
				r := s.do("POST", leaf, sdpType, "not an offer")
				if got := r.Status[:4] + code(t, r); got != want {
					t.Errorf("%s: %s, want %s", leaf, got, want)
				}
				if (r.StatusCode == 401) != (r.Header.Get("WWW-Authenticate") != "") || (r.StatusCode == 429) != (r.Header.Get("Retry-After") != "") {
					t.Errorf("%s: %v", leaf, r.Header)
				}
			}
			if !offline {
				close(s.more)
				<-s.ended
			}
		}
		release := script.Hold()
		if r := s.do("POST", "whep", sdpType, ""); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
			t.Error(r.Status)
		}
		release()
	})
}
