package access_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/access/accesstest"
)

// why is the kind of a refusal, "" for a pass.
func why(err error) access.Why {
	var no *access.Refusal
	if errors.As(err, &no) {
		return no.Why
	}
	return ""
}

func secrets(texts ...string) []pipeline.Secret {
	var all []pipeline.Secret
	for _, s := range texts {
		all = append(all, pipeline.NewSecret(s))
	}
	return all
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		keys        []pipeline.Secret
		remote, key string
		want        access.Why
	}{
		{secrets("a"), "192.0.2.1", "a", ""},
		{secrets("a"), "192.0.2.1", "b", access.Wrong},
		{secrets("a"), "127.0.0.1", "", access.Missing},
		{secrets("a", "b"), "192.0.2.1", "b", ""},
		{secrets("", "b"), "192.0.2.1", "b", ""},
		{secrets("", "b"), "127.0.0.1", "", access.Missing},
		{secrets(""), "127.0.0.1", "", ""},
		{nil, "::1", "anything", ""},
		{nil, "::ffff:127.0.0.1", "", ""},
		{secrets(""), "192.0.2.1", "", access.Forbidden},
		{nil, "192.0.2.1", "a", access.Forbidden},
	} {
		r := access.Request{Action: access.Publish, Path: "live/a", Remote: netip.MustParseAddr(c.remote), Keys: c.keys, Token: pipeline.NewSecret(c.key)}
		if _, err := (access.Keys{}).Allow(t.Context(), r); why(err) != c.want {
			t.Errorf("%s with %q of %d: %v, want %q", c.remote, c.key, len(c.keys), err, c.want)
		}
		r.Action = access.Play
		if _, err := (access.Keys{}).Allow(t.Context(), r); err != nil {
			t.Errorf("play from %s: %v", c.remote, err)
		}
		r.Action = "record"
		if _, err := (access.Keys{}).Allow(t.Context(), r); why(err) != access.Forbidden {
			t.Errorf("%s: %v", r.Action, err)
		}
	}
}

func TestFromHTTP(t *testing.T) {
	for _, c := range []struct{ url, authorization, want string }{
		{"/", "", "user= password= token= query="},
		{"/?_HLS_msn=3&_HLS_part=1", "", "user= password= token= query="},
		{"/?_HLS_msn=3&exp=1&kid=k&sig=s&_HLS_part=1", "", "user= password= token= query=exp=1&kid=k&sig=s"},
		{"/?token=a%2Bb", "", "user= password= token=a+b query=token=a%2Bb"},
		{"/?key=a", "bearer  b ", "user= password= token=b query=key=a"},
		{"/", "Basic Ym9iOnNlY3JldA==", "user=bob password=secret token= query="},
		{"/", "Digest x", "user= password= token= query="},
	} {
		r := httptest.NewRequest(http.MethodGet, c.url, nil)
		r.RemoteAddr = "[::ffff:192.0.2.1]:80"
		r.Header.Set("Authorization", c.authorization)
		q := access.FromHTTP(r, access.Play, "hls", "live/a")
		got := fmt.Sprintf("user=%s password=%s token=%s query=%s", q.User, q.Password.Reveal(), q.Token.Reveal(), q.Query.Reveal())
		if got != c.want || q.Remote != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("%s with %q: %s from %s, want %s", c.url, c.authorization, got, q.Remote, c.want)
		}
	}
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := accesstest.NewScript(accesstest.Rule{Action: access.Play, Path: "a"})
		r := access.Request{Action: access.Play, Path: "a"}
		if _, no := access.Ask(t.Context(), s, r); no != nil {
			t.Error(no)
		}
		release := s.Hold()
		began := time.Now()
		if _, no := access.Ask(t.Context(), s, r); no == nil || no.Why != access.Unavailable || time.Since(began) != 3*time.Second {
			t.Error(no, time.Since(began))
		}
		release()
		s.Fail(errors.New("boom: secret"))
		if _, no := access.Ask(t.Context(), s, r); no == nil || no.Why != access.Unavailable || no.Message == "boom: secret" {
			t.Error(no)
		}
	})
}

func TestPassesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		began := time.Now()
		time.AfterFunc(2*time.Minute, func() { close(over) })
		for _, c := range []struct {
			pass  *access.Pass
			after time.Duration
			want  access.Why
		}{
			{&access.Pass{Expires: began.Add(time.Minute), Over: over}, time.Minute, access.Expired},
			{&access.Pass{Over: over}, 2 * time.Minute, access.Forbidden},
			{&access.Pass{}, 3 * time.Minute, ""},
			{nil, 3 * time.Minute, ""},
		} {
			ctx, cancel := context.WithDeadline(t.Context(), began.Add(3*time.Minute))
			no := c.pass.Wait(ctx)
			cancel()
			got := access.Why("")
			if no != nil {
				got = no.Why
			}
			if since := time.Since(began); since != c.after || got != c.want {
				t.Errorf("%+v ended after %v: %q", c.pass, since, got)
			}
		}
	})
}

func TestCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := accesstest.NewScript(
			accesstest.Rule{Action: access.Play, Path: "a", Token: "t"},
			accesstest.Rule{Action: access.Play, Path: "short", Token: "t", Expires: time.Now().Add(1500 * time.Millisecond)},
		)
		c := access.NewCache(s)
		ask := func(path, token string, want access.Why, asked int) {
			t.Helper()
			_, err := c.Allow(t.Context(), access.Request{Action: access.Play, Path: path, Token: pipeline.NewSecret(token)})
			if why(err) != want || len(s.Asked()) != asked {
				t.Errorf("%s with %q after %d questions: %v, want %q after %d", path, token, len(s.Asked()), err, want, asked)
			}
		}
		ask("a", "t", "", 1)
		ask("a", "t", "", 1)
		ask("a", "u", access.Wrong, 2)
		ask("a", "u", access.Wrong, 2)
		ask("a", "", access.Missing, 3)
		ask("b", "t", access.Forbidden, 4)
		ask("short", "t", "", 5)
		time.Sleep(time.Second)
		ask("a", "t", "", 5)
		ask("short", "t", "", 5)
		ask("a", "u", access.Wrong, 6)
		time.Sleep(time.Second)
		ask("short", "t", access.Expired, 7) // at once, although the answer was to be kept
		s.Withdraw("t")
		ask("a", "t", access.Wrong, 8) // likewise
		time.Sleep(10 * time.Second)

		s.Add(accesstest.Rule{Action: access.Play, Path: "a", Token: "t"})
		release := s.Hold()
		var all sync.WaitGroup
		for range 10 { // players who come together are one question, and none waits for one who has gone
			all.Go(func() { ask("a", "t", "", 9) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Allow(ctx, access.Request{Action: access.Play, Path: "a", Token: pipeline.NewSecret("t")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		release()
		all.Wait()
	})
}

// BenchmarkCache is what a door pays for a request.
func BenchmarkCache(b *testing.B) {
	c := access.NewCache(access.Keys{})
	for name, url := range map[string]string{"bare": "/?_HLS_msn=3&_HLS_part=1", "link": "/?exp=1790000000&kid=main&sig=RG9lcyBhbnlib2R5IHJlYWQgdGhpcz8gSSB3b25kZXI"} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, url, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Allow(b.Context(), access.FromHTTP(r, access.Play, "hls", "live/a")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
