package auth

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/config"
)

func TestQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var peers []Peer
		d := open(t, func(o *Options) {
			o.Settings.Play = "anyone"
			o.Settings.Quotas = []config.Quota{{Streams: "acme/*", Publish: 1, Play: 2, Bitrate: 10e6, Outputs: 1}, {Subject: "key of *", Publish: 2}}
			o.Peers = func() []Peer { return peers }
		})
		ask := func(action access.Action, path, session string) access.Why {
			_, err := d.Allow(t.Context(), access.Request{Action: action, Path: path, Remote: elsewhere(), Session: session, Token: secretOf("own-key"), Keys: []pipeline.Secret{secretOf("own-key")}})
			return whyOf(err)
		}
		come := func(path, id string, bitrate int64) {
			peers = append(peers, Peer{Session: pipeline.Session{ID: id, Subject: "token:x", Bitrate: bitrate}, Path: path})
			time.Sleep(listEvery)
		}
		for session, want := range []access.Why{"", "", access.Limited} {
			if why := ask(access.Play, "acme/a", fmt.Sprint(session)); why != want {
				t.Errorf("session %d, as they come faster than they are seen: %q", session, why)
			}
		}
		if why := ask(access.Play, "other/a", "3"); why != "" {
			t.Error("others are concerned:", why)
		}
		come("acme/a", "0", 4e6)
		time.Sleep(11 * time.Second) // the second one has never come
		if why := ask(access.Play, "acme/a", "4"); why != "" {
			t.Error(why)
		}
		come("acme/a", "4", 7e6)
		if why := ask(access.Play, "acme/a", "4"); why != "" {
			t.Error("who is here is asked about again:", why)
		}
		if why := ask(access.Publish, "acme/a", "5"); why != access.Limited {
			t.Error("the bitrate is used up:", why)
		}
		peers = nil
		time.Sleep(11 * time.Second)
		for _, c := range []struct {
			path string
			want access.Why
		}{{"acme/a", ""}, {"acme/b", access.Limited}, {"other/a", ""}, {"other/b", access.Limited}} {
			if why := ask(access.Publish, c.path, c.path); why != c.want {
				t.Errorf("%s: %q", c.path, why)
			}
		}
		// Who publishes anew makes no more publishers: he takes over from himself.
		peers = append(peers, Peer{Session: pipeline.Session{ID: "old", Subject: "key of the pipeline", Protocol: "rtmp"}, Path: "acme/a", Publisher: true})
		time.Sleep(11 * time.Second)
		for path, want := range map[string]access.Why{"acme/a": "", "acme/b": access.Limited} {
			if why := ask(access.Publish, path, "anew at "+path); why != want {
				t.Errorf("%s anew: %q", path, why)
			}
		}
		peers[0].Subject = "somebody else"
		time.Sleep(11 * time.Second)
		if why := ask(access.Publish, "acme/a", "another"); why != access.Limited {
			t.Errorf("in the place of somebody else: %q", why)
		}
		two := func(concerned func(string) bool) int {
			if concerned("other/a") || !concerned("acme/b") {
				t.Error("other streams count")
			}
			return 1
		}
		var p *rest.Problem
		if err := d.Outputs(&rest.Caller{Name: "user:ann"}, "acme/a", two); !errors.As(err, &p) || p.Code != "quota_exceeded" {
			t.Error(err)
		}
		if err := d.Outputs(&rest.Caller{Name: "user:ann"}, "other/a", two); err != nil {
			t.Error(err)
		}
	})
}
