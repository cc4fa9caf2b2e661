package auth

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"weir/control/auth/book"
	"weir/pipeline/access"
)

// What is withdrawn ends at once here, and within a second when a command does it.
func TestPassesAreWithdrawn(t *testing.T) {
	path := t.TempDir() + "/weir.access.json"
	synctest.Test(t, func(t *testing.T) {
		store, err := book.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		d := open(t, func(o *Options) { o.Store = store })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); d.Run(ctx) }()
		admin := with(d.setUp(t))
		create := func(body map[string]any) (id, secret string) {
			_, got, _ := d.ask(call{method: "POST", url: "/keys", body: body, header: admin})
			return got["id"].(string), got["secret"].(string)
		}
		publish := func(secret string) *access.Pass {
			t.Helper()
			p, err := d.Allow(t.Context(), access.Request{Action: access.Publish, Path: "live/a", Remote: elsewhere(), Token: secretOf(secret)})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		id, first := create(map[string]any{"stream": "live/*", "name": "first"})
		pass := publish(first)
		select {
		case <-pass.Over:
			t.Error("it is over already")
		default:
		}
		if status, _, _ := d.ask(call{method: "DELETE", url: "/keys/" + id, header: admin}); status != 204 {
			t.Error(status)
		}
		closed(t, pass)

		// Rotation: both are good for a while.
		id, second := create(map[string]any{"stream": "live/*", "name": "second"})
		pass = publish(second)
		status, got, _ := d.ask(call{method: "POST", url: "/keys/" + id + "/rotate", body: map[string]any{"overlap_seconds": 60}, header: admin})
		if status != 201 {
			t.Fatal(status, got)
		}
		third := got["secret"].(string)
		publish(second)
		publish(third)
		time.Sleep(62 * time.Second)
		closed(t, pass)
		if _, err := d.Allow(t.Context(), access.Request{Action: access.Publish, Path: "live/a", Remote: elsewhere(), Token: secretOf(second)}); whyOf(err) != access.Expired {
			t.Error(err)
		}
		pass = publish(third)

		// A command takes the key away.
		other, err := book.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Update(func(b *book.Book) error { b.Keys = nil; return nil }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		closed(t, pass)
		stop()
		<-ended
	})
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(o *Options) { o.Settings.SessionIdle, o.Settings.SessionMost = time.Hour, 5*time.Hour })
		cookie := with(d.setUp(t))
		good := func() bool {
			status, _, _ := d.ask(call{method: "GET", url: "/session", header: cookie})
			return status == 200
		}
		for range 5 {
			if !good() {
				t.Error("it is over although it is used")
			}
			time.Sleep(59 * time.Minute)
		}
		time.Sleep(5 * time.Minute)
		if good() {
			t.Error("it lasts for ever")
		}
		cookie = with(d.signInAnn(t))
		time.Sleep(time.Hour)
		if good() {
			t.Error("it has rested for an hour")
		}
		// There are only so many of one user: the one that has rested longest ends.
		cookie = with(d.signInAnn(t))
		for range maxPerUser {
			time.Sleep(time.Second)
			d.sessions.begin(d.index.Load().users["ann"])
		}
		if good() || len(d.sessions.all) > maxPerUser+1 {
			t.Error(len(d.sessions.all))
		}
	})
}
