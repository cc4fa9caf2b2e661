//go:build e2e

package access

import (
	"context"
	"errors"
	"testing"
	"time"

	"weir/pipeline/access"
	"weir/pipeline/access/accesstest"
	"weir/pipeline/service/rtmpd"
)

// world is a policy with what people hold of it.
type world struct {
	policy access.Policy
	// revoke takes a credential back.
	revoke      func(token string)
	credentials []credential
}

// credential is one kind of credential and what it is worth at the streams live/a, web/a
// and show/a; "" is the way in.
type credential struct {
	name, token   string
	publish, play access.Why
}

// published and played are the streams that the credentials are for.
func published() []string { return []string{"live/a", "web/a"} }
func played() []string    { return []string{"live/a", "web/a", "show/a"} }

// scripted is a world by a table.
func scripted() world {
	s := &accesstest.Script{}
	let := func(action access.Action, paths []string, r accesstest.Rule) {
		for _, path := range paths {
			r.Action, r.Path = action, path
			s.Add(r)
		}
	}
	old := time.Now().Add(-time.Minute)
	let(access.Publish, published(), accesstest.Rule{Token: "publisher-1", Subject: "ann"})
	let(access.Publish, published(), accesstest.Rule{Token: "publisher-2", Subject: "ann"})
	let(access.Publish, published(), accesstest.Rule{Token: "publisher-old", Expires: old})
	let(access.Publish, published(), accesstest.Rule{Token: "publisher-full", Limited: true})
	let(access.Publish, []string{"live/b", "web/b", "show/b"}, accesstest.Rule{Token: "publisher-b"})
	let(access.Play, played(), accesstest.Rule{Token: "viewer-1", Subject: "bob"})
	let(access.Play, played(), accesstest.Rule{Token: "viewer-old", Expires: old})
	let(access.Play, played(), accesstest.Rule{Token: "viewer-full", Limited: true})
	let(access.Play, []string{"live/b", "web/b", "show/b"}, accesstest.Rule{Token: "viewer-b"})
	return world{s, s.Withdraw, []credential{
		{"none", "", access.Missing, access.Missing},
		{"made up", "publisher", access.Wrong, access.Wrong},
		{"the pipeline's own, which this policy does not look at", "key-of-the-pipeline", access.Wrong, access.Wrong},
		{"a publisher's", "publisher-1", "", access.Forbidden},
		{"a publisher's other one", "publisher-2", "", access.Forbidden},
		{"a publisher's, expired", "publisher-old", access.Expired, access.Forbidden},
		{"a publisher's, used up", "publisher-full", access.Limited, access.Forbidden},
		{"a publisher's of another stream", "publisher-b", access.Forbidden, access.Forbidden},
		{"a viewer's", "viewer-1", access.Forbidden, ""},
		{"a viewer's, expired", "viewer-old", access.Forbidden, access.Expired},
		{"a viewer's, used up", "viewer-full", access.Forbidden, access.Limited},
		{"a viewer's of another stream", "viewer-b", access.Forbidden, access.Forbidden},
	}}
}

// stream is the one that a door leads to.
func (d *door) stream() string {
	switch {
	case d.action == access.Play:
		return "show/"
	case d.coarse:
		return "live/"
	default:
		return "web/"
	}
}

// want is what a door says.
func (d *door) want(c credential) outcome {
	why := c.publish
	if d.action == access.Play {
		why = c.play
	}
	switch {
	case why == "":
		return in
	case d.coarse:
		return refused
	default:
		return outcome(why)
	}
}

// Every credential at every door, from this machine and from elsewhere.
func TestMatrix(t *testing.T) {
	t.Parallel()
	w := scripted()
	h := newHouse(t, w.policy)
	for _, d := range doors() {
		for _, from := range []string{loopback, elsewhere} {
			for _, c := range w.credentials {
				if got, want := d.try(t, h, knock{from, d.stream() + "a", c.token}), d.want(c); got != want {
					t.Errorf("%s from %s with %s: %s, want %s", d.name, from, c.name, got, want)
				}
			}
		}
	}
	// What is taken back is worth nothing any more.
	for _, token := range []string{"publisher-1", "viewer-1"} {
		w.revoke(token)
		for _, d := range doors() {
			if got := d.try(t, h, knock{elsewhere, d.stream() + "a", token}); got == in || got == nowhere {
				t.Errorf("%s with %s that was revoked: %s", d.name, token, got)
			}
		}
	}
}

// A path written otherwise is the same stream or another one, and never a way around.
func TestPaths(t *testing.T) {
	t.Parallel()
	w := scripted()
	h := newHouse(t, w.policy)
	for _, c := range []struct {
		name       string // in place of a, behind live/
		rtmp, http outcome
	}{
		{"a", in, in},
		{"A", refused, outcome(access.Forbidden)},
		{"%61", nowhere, in},
		{"%41", nowhere, outcome(access.Forbidden)},
		{"%2561", nowhere, nowhere},
		{"./a", nowhere, nowhere},
		{"b/../a", nowhere, nowhere},
		{"b%2f..%2fa", nowhere, nowhere},
		{"/a", in, nowhere},
		{"a%00", nowhere, nowhere},
		{"a;b", nowhere, nowhere},
		{"b", refused, outcome(access.Forbidden)},
	} {
		for _, d := range doors() {
			token, want := "publisher-1", c.http
			if d.action == access.Play {
				token = "viewer-1"
			}
			if d.coarse {
				want = c.rtmp
			}
			if d.name == "whip path" && want == nowhere || d.name == "hls part" && want == nowhere {
				continue // their answers look alike
			}
			if got := d.try(t, h, knock{elsewhere, d.stream() + c.name, token}); got != want {
				t.Errorf("%s at %s: %s, want %s", d.name, d.stream()+c.name, got, want)
			}
		}
	}
}

// Without any other policy, keys are the pipelines' own, nobody from elsewhere publishes
// without one, and anybody may watch.
func TestDefault(t *testing.T) {
	t.Parallel()
	h := newHouse(t, access.Keys{})
	for _, d := range doors() {
		for _, from := range []string{loopback, elsewhere} {
			if d.action == access.Play {
				if got := d.try(t, h, knock{from, "show/a", ""}); got != in {
					t.Errorf("%s from %s: %s", d.name, from, got)
				}
				continue
			}
			for _, c := range []struct {
				path, token string
				want        access.Why
			}{
				{d.stream() + "a", "key-of-the-pipeline", ""},
				{d.stream() + "a", "another-key", access.Wrong},
				{d.stream() + "a", "", access.Missing},
				{map[bool]string{true: "open/a", false: "openweb/a"}[d.coarse], "", map[string]access.Why{loopback: "", elsewhere: access.Forbidden}[from]},
			} {
				if got, want := d.try(t, h, knock{from, c.path, c.token}), d.want(credential{publish: c.want}); got != want {
					t.Errorf("%s at %s from %s with %q: %s, want %s", d.name, c.path, from, c.token, got, want)
				}
			}
		}
	}
}

// Who publishes is told when the permission is taken back, and when an operator wants it.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	w := scripted()
	h := newHouse(t, w.policy)
	for name, end := range map[string]func(id string){
		"dismissed": func(id string) {
			if !h.host.Dismiss("live/a", id, "The operator wants it.") {
				t.Error("there is no such session")
			}
		},
		"withdrawn": func(string) { w.revoke("publisher-1") },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		c, err := dialRTMP(ctx, h, knock{elsewhere, "live/a", map[string]string{"dismissed": "publisher-2", "withdrawn": "publisher-1"}[name]}, true)
		if err != nil {
			t.Fatal(err)
		}
		id := ""
		tick := time.NewTicker(10 * time.Millisecond)
		for id == "" && ctx.Err() == nil {
			<-tick.C
			if all, _ := h.host.Sessions("live/a"); len(all) == 1 && all[0].Subject == "ann" && all[0].Protocol == "rtmps" && all[0].Publisher {
				id = all[0].ID
			}
		}
		tick.Stop()
		end(id)
		select {
		case <-c.Done():
		case <-ctx.Done():
			t.Errorf("%s: the publisher was not told", name)
		}
		var told *rtmpd.StatusError
		if !errors.As(c.Err(), &told) || told.Code != rtmpd.CodeDenied {
			t.Errorf("%s: %v", name, c.Err())
		}
		_ = c.Close()
		cancel()
	}
}
