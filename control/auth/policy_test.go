package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/control/auth/book"
	"weir/control/auth/link"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/config"
)

func whyOf(err error) access.Why {
	var r *access.Refusal
	if errors.As(err, &r) {
		return r.Why
	}
	return ""
}

func secretOf(s string) pipeline.Secret { return pipeline.NewSecret(s) }

const sharedSecret = "0123456789abcdef0123456789abcdef"

func signJWT(payload string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"HS256"}`)) + "." + b64([]byte(payload))
	mac := hmac.New(sha256.New, []byte(sharedSecret))
	_, _ = mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// TestMatrix is each kind of credential, right and in all ways wrong, for both actions.
func TestMatrix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(o *Options) { o.Settings.JWT.Secret = secretOf(sharedSecret) })
		now := time.Now()
		var key, old, coming, other, revoked string
		var token, player, oldToken, otherToken, revokedToken, admin string
		add := func(b *book.Book, stream string, from, to time.Time) string {
			secret, sum := book.NewSecret(book.KeyPrefix)
			b.Keys = append(b.Keys, book.Key{ID: book.NewID(), Name: "obs", Sum: sum, Stream: stream, From: from, Expires: to})
			return secret
		}
		issue := func(b *book.Book, scope, stream string, to time.Time) string {
			secret, sum := book.NewSecret(book.TokenPrefix)
			b.Tokens = append(b.Tokens, book.Token{ID: book.NewID(), Name: "ci", Sum: sum, Scopes: []string{scope}, Streams: []string{stream}, Expires: to})
			return secret
		}
		hour := now.Add(time.Hour)
		err := d.update(func(b *book.Book) error {
			key, old = add(b, "live/*", time.Time{}, hour), add(b, "live/*", time.Time{}, now)
			coming, other, revoked = add(b, "live/*", hour, time.Time{}), add(b, "show/*", time.Time{}, hour), add(b, "live/*", time.Time{}, hour)
			token, player = issue(b, "publish", "live/*", hour), issue(b, "play", "live/*", hour)
			oldToken, otherToken = issue(b, "publish", "live/*", now), issue(b, "publish", "show/*", hour)
			revokedToken, admin = issue(b, "publish", "live/*", hour), issue(b, "admin", book.All, hour)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.update(func(b *book.Book) error {
			b.Keys = b.Keys[:len(b.Keys)-1]
			b.Tokens = append(b.Tokens[:4], b.Tokens[5:]...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		claims := func(streams, actions string, exp int64) string {
			return signJWT(fmt.Sprintf(`{"sub":"ann","aud":"weir","exp":%d,"streams":%s,"actions":%s}`, exp, streams, actions))
		}
		publishing, playing := []access.Action{access.Publish}, []access.Action{access.Play}
		both := []access.Action{access.Publish, access.Play}
		linked := func(stream string, d2 time.Duration) string {
			l, err := d.Sign(stream, d2, netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			return l.Query()
		}
		own := []pipeline.Secret{secretOf("own-key-1"), secretOf("own-key-2")}
		for _, c := range []struct {
			name    string
			actions []access.Action
			request access.Request
			why     access.Why // "" is allowed
			subject string
		}{
			{"nothing", both, access.Request{}, access.Missing, ""},
			{"nonsense", both, access.Request{Token: secretOf("guess")}, access.Wrong, ""},
			{"own key", publishing, access.Request{Token: secretOf("own-key-2"), Keys: own}, "", "key of the pipeline"},
			{"own key by password", publishing, access.Request{User: "x", Password: secretOf("own-key-1"), Keys: own}, "", "key of the pipeline"},
			{"own key to play", playing, access.Request{Token: secretOf("own-key-1"), Keys: own}, access.Wrong, ""},
			{"own key, wrong", publishing, access.Request{Token: secretOf("Own-key-1"), Keys: own}, access.Wrong, ""},
			{"empty key to offer", publishing, access.Request{Keys: []pipeline.Secret{{}}}, access.Missing, ""},

			{"key", publishing, access.Request{Token: secretOf(key), Keys: own}, "", "key:obs"},
			{"key to play", playing, access.Request{Token: secretOf(key)}, access.Wrong, ""},
			{"key, expired", publishing, access.Request{Token: secretOf(old)}, access.Expired, ""},
			{"key, not yet", publishing, access.Request{Token: secretOf(coming)}, access.Expired, ""},
			{"key, other stream", publishing, access.Request{Token: secretOf(other)}, access.Forbidden, ""},
			{"key, revoked", publishing, access.Request{Token: secretOf(revoked)}, access.Wrong, ""},
			{"key, in another case", publishing, access.Request{Token: secretOf(strings.ToUpper(key))}, access.Wrong, ""},

			{"token", publishing, access.Request{Token: secretOf(token)}, "", "token:ci"},
			{"token's scope", playing, access.Request{Token: secretOf(token)}, access.Forbidden, ""},
			{"play token", playing, access.Request{Token: secretOf(player)}, "", "token:ci"},
			{"play token to publish", publishing, access.Request{Token: secretOf(player)}, access.Forbidden, ""},
			{"admin token", both, access.Request{Token: secretOf(admin)}, "", "token:ci"},
			{"token, expired", both, access.Request{Token: secretOf(oldToken)}, access.Expired, ""},
			{"token, other stream", publishing, access.Request{Token: secretOf(otherToken)}, access.Forbidden, ""},
			{"token, revoked", publishing, access.Request{Token: secretOf(revokedToken)}, access.Wrong, ""},
			{"admin token in the URL", both, access.Request{Token: secretOf(admin), Query: secretOf("token=" + admin)}, access.Forbidden, ""},
			{"admin token in the URL, in disguise", both, access.Request{Token: secretOf(admin), Query: secretOf("token=" + strings.Replace(admin, "_", "%5F", 1))}, access.Forbidden, ""},
			{"play token in the URL", playing, access.Request{Token: secretOf(player), Query: secretOf("token=" + player)}, "", "token:ci"},

			{"jwt", both, access.Request{Token: secretOf(claims(`["live/*"]`, `["publish","play"]`, hour.Unix()))}, "", "jwt:ann"},
			{"jwt, expired", both, access.Request{Token: secretOf(claims(`["live/*"]`, `["publish","play"]`, now.Unix()-60))}, access.Expired, ""},
			{"jwt, other action", publishing, access.Request{Token: secretOf(claims(`["live/*"]`, `["play"]`, hour.Unix()))}, access.Forbidden, ""},
			{"jwt, other stream", both, access.Request{Token: secretOf(claims(`["show/*"]`, `["publish","play"]`, hour.Unix()))}, access.Forbidden, ""},
			{"jwt, no stream", both, access.Request{Token: secretOf(claims(`[]`, `["publish","play"]`, hour.Unix()))}, access.Forbidden, ""},
			{"jwt, forged", both, access.Request{Token: secretOf(claims(`["live/*"]`, `["publish","play"]`, hour.Unix()) + "A")}, access.Wrong, ""},
			{"jwt in the query", playing, access.Request{Token: secretOf(claims(`["live/*"]`, `["play"]`, now.Unix()+300)), Query: secretOf("token=" + claims(`["live/*"]`, `["play"]`, now.Unix()+300))}, "", "jwt:ann"},
			{"long jwt in the query", playing, access.Request{Token: secretOf(claims(`["live/*"]`, `["play"]`, hour.Unix())), Query: secretOf("token=" + claims(`["live/*"]`, `["play"]`, hour.Unix()))}, access.Forbidden, ""},

			{"link", playing, access.Request{Query: secretOf(linked("live/a", time.Hour))}, "", ""},
			{"link to publish", publishing, access.Request{Query: secretOf(linked("live/a", time.Hour))}, access.Missing, ""},
			{"link, expired", playing, access.Request{Query: secretOf(linked("live/a", -time.Second))}, access.Expired, ""},
			{"link, other stream", playing, access.Request{Query: secretOf(linked("live/b", time.Hour))}, access.Wrong, ""},
			{"link, other case", playing, access.Request{Query: secretOf(linked("live/A", time.Hour))}, access.Wrong, ""},
			{"folder", playing, access.Request{Query: secretOf(linked("live/", time.Hour))}, "", ""},
			{"link beside a good token", playing, access.Request{Query: secretOf(linked("live/b", time.Hour)), Token: secretOf(player)}, "", "token:ci"},
			{"unknown session", both, access.Request{Cookie: secretOf(Cookie + "=ABC")}, access.Missing, ""},
		} {
			for _, action := range c.actions {
				r := c.request
				r.Action, r.Path, r.Remote = action, "live/a", elsewhere()
				d.doors = newBrake(1000, time.Second)
				pass, err := d.Allow(t.Context(), r)
				if whyOf(err) != c.why || (err == nil) != (c.why == "") {
					t.Errorf("%s to %s: %v", c.name, action, err)
				}
				if err == nil && c.subject != "" && pass.Subject != c.subject {
					t.Errorf("%s to %s: as %s", c.name, action, pass.Subject)
				}
				// No other writing of the path gets around anything.
				for _, path := range []string{"LIVE/a", "live%2Fa", "live/a/", "/live/a", "live//a", "live/../live/a", "live/a/b", "live/a;x", "live/a\x00", ""} {
					r.Path = path
					if pass, err := d.Allow(t.Context(), r); err == nil && !strings.HasPrefix(c.name, "own key") && !strings.HasPrefix(c.name, "admin") && c.name != "folder" {
						t.Errorf("%s to %s at %q: as %s", c.name, action, path, pass.Subject)
					}
				}
			}
		}
	})
}

func TestWhatNeedsNothing(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	keys := []pipeline.Secret{secretOf("own-key")}
	for _, c := range []struct {
		name          string
		change        func(*config.Access)
		request       access.Request
		play, publish bool
	}{
		{"another machine", nil, access.Request{Remote: elsewhere()}, false, false},
		{"this machine", nil, access.Request{Remote: local}, true, true},
		{"this machine, with keys", nil, access.Request{Remote: local, Keys: keys}, true, false},
		{"this machine, by IPv4 in IPv6", nil, access.Request{Remote: netip.MustParseAddr("::ffff:127.0.0.1")}, true, true},
		{"this machine, by a proxy", nil, access.Request{Remote: local, Forwarded: "127.0.0.1"}, false, false},
		{"this machine, untrusted", func(a *config.Access) { a.Loopback = "nobody" }, access.Request{Remote: local}, false, false},
		{"anyone", func(a *config.Access) { a.Play = "anyone" }, access.Request{Remote: elsewhere()}, true, false},
		{"anyone, with an old link", func(a *config.Access) { a.Play = "anyone" }, access.Request{Remote: elsewhere(), Query: secretOf("exp=1&kid=a&sig=b")}, true, false},
		{"nobody knows where", nil, access.Request{}, false, false},
	} {
		d := open(t, func(o *Options) {
			if c.change != nil {
				c.change(&o.Settings)
			}
		})
		for action, want := range map[access.Action]bool{access.Play: c.play, access.Publish: c.publish} {
			r := c.request
			r.Action, r.Path = action, "live/a"
			if _, err := d.Allow(t.Context(), r); (err == nil) != want {
				t.Errorf("%s, %s: %v", c.name, action, err)
			}
		}
	}
	// Where there is a key of the book for a stream, this machine must show it, too.
	d := open(t, nil)
	_, sum := book.NewSecret(book.KeyPrefix)
	if err := d.update(func(b *book.Book) error {
		b.Keys = append(b.Keys, book.Key{ID: "k", Name: "obs", Sum: sum, Stream: "live/a"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"live/a": false, "live/b": true} {
		if _, err := d.Allow(t.Context(), access.Request{Action: access.Publish, Path: path, Remote: local}); (err == nil) != want {
			t.Error(path, err)
		}
	}
}

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

func (d *desk) signInAnn(t *testing.T) string {
	t.Helper()
	status, body, w := d.ask(call{method: "POST", url: "/session", body: map[string]string{"user": "ann", "password": goodPassword}})
	if status != 200 {
		t.Fatal(status, body)
	}
	return Cookie + "=" + cookieIn(w).Value
}

// Who guesses passwords is slowed down by address and by user, and others are not.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		d.setUp(t)
		try := func(remote, user, password string) int {
			status, _, _ := d.ask(call{method: "POST", url: "/session", remote: remote, body: map[string]string{"user": user, "password": password}})
			return status
		}
		guesses := 0
		for range 15 {
			if try(there, "eve", "guess") == 401 {
				guesses++
			}
		}
		if guesses != 10 {
			t.Errorf("%d guesses from one address", guesses)
		}
		if try(there, "ann", goodPassword) != 429 {
			t.Error("the address need not wait")
		}
		if try("198.51.100.1:1", "ann", goodPassword) != 200 {
			t.Error("others must wait")
		}
		time.Sleep(11 * time.Second)
		if try(there, "ann", goodPassword) != 200 {
			t.Error("it must wait for too long")
		}
		// From many addresses, even those of one IPv6 network.
		guesses = 0
		for n := range 30 {
			if try(fmt.Sprintf("198.51.100.%d:1", n+2), "ann", "guess") == 401 {
				guesses++
			}
		}
		if guesses > 21 {
			t.Errorf("%d guesses of one user's password", guesses)
		}
		guesses = 0
		for n := range 15 {
			if try(fmt.Sprintf("[2001:db8::%x]:1", n+1), fmt.Sprint("user", n), "guess") == 401 {
				guesses++
			}
		}
		if guesses != 10 {
			t.Errorf("%d guesses from one IPv6 network", guesses)
		}
	})
}

// A day of guessing as fast as one may, and the rate is still the same.
func TestBrakesDoNotWearOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, taken := newBrake(10, 10*time.Second), 0
		for range 24 * 60 * 60 {
			time.Sleep(time.Second)
			for b.take("eve") {
				taken++
			}
		}
		if taken > 10+24*360 {
			t.Error(taken)
		}
	})
}

func TestDoorsAreBraked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, nil)
		keys := []pipeline.Secret{secretOf("short")}
		try := func(ip, key string) access.Why {
			_, err := d.Allow(t.Context(), access.Request{Action: access.Publish, Path: "live/a", Remote: netip.MustParseAddr(ip), Token: secretOf(key), Keys: keys})
			return whyOf(err)
		}
		wrong := 0
		for range 100 {
			if try("192.0.2.7", "guess") == access.Wrong {
				wrong++
			}
		}
		if wrong != 30 || try("192.0.2.7", "short") != access.Limited || try("192.0.2.8", "short") != "" {
			t.Error(wrong)
		}
		time.Sleep(3 * time.Second)
		if why := try("192.0.2.7", "short"); why != "" {
			t.Error(why)
		}
	})
}

func TestBrakesRememberOnlySoMany(t *testing.T) {
	b := newBrake(2, time.Hour)
	for n := range maxBraked + 100 {
		b.take(fmt.Sprint(n))
	}
	if len(b.left) > maxBraked {
		t.Error(len(b.left))
	}
}

// T5: who has what the server gives to viewers cannot publish with it, and no key is in
// anything that it says.
func TestNothingEmittedPublishes(t *testing.T) {
	d := open(t, nil)
	admin := with(d.setUp(t))
	var keys []string
	var emitted strings.Builder
	for n := range 20 {
		stream := fmt.Sprintf("live/s%d", n)
		_, made, _ := d.ask(call{method: "POST", url: "/keys", header: admin, body: map[string]any{"stream": stream, "name": "obs"}})
		keys = append(keys, made["secret"].(string))
		for _, kind := range []string{"watch", "embed"} {
			status, l, w := d.ask(call{method: "POST", url: "/streams/" + strings.ReplaceAll(stream, "/", "%2F") + "/links", header: admin, body: map[string]any{"expires_seconds": 3600, "kind": kind}})
			if status != 201 || !strings.HasPrefix(l["url"].(string), "http://weir.example/"+stream+"?exp=") {
				t.Fatal(status, l)
			}
			emitted.WriteString(w.Body.String())
			_, query, _ := strings.Cut(l["url"].(string), "?")
			parts := append(strings.FieldsFunc(query, func(r rune) bool { return strings.ContainsRune("&=?", r) }), query)
			if _, err := d.Allow(t.Context(), access.Request{Action: access.Play, Path: stream, Remote: elsewhere(), Query: secretOf(query)}); err != nil {
				t.Error(err)
			}
			for _, part := range parts {
				r := access.Request{Action: access.Publish, Path: stream, Remote: elsewhere(), Token: secretOf(part), Password: secretOf(part), Query: secretOf(query), Cookie: secretOf("weir_link=" + part)}
				d.doors = newBrake(1000, time.Second)
				if pass, err := d.Allow(t.Context(), r); err == nil {
					t.Errorf("%s publishes as %s", part, pass.Subject)
				}
			}
		}
	}
	for _, url := range []string{"/keys", "/tokens", "/users", "/session"} {
		_, _, w := d.ask(call{method: "GET", url: url, header: admin})
		emitted.WriteString(w.Body.String())
	}
	text := emitted.String() + d.log.String()
	for _, k := range keys {
		if strings.Contains(text, k) || strings.Contains(text, book.Sum(k)) {
			t.Error("a key is shown")
		}
	}
	if strings.Contains(text, "sha256") || strings.Contains(text, "argon2") {
		t.Error("a hash is shown")
	}
}

func TestLinksInCookies(t *testing.T) {
	d := open(t, nil)
	l, err := d.Sign("live/a", time.Hour, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	serve := d.Remember(func(w http.ResponseWriter, _ *http.Request, _, _ string) { w.WriteHeader(http.StatusOK) })
	for query, want := range map[string]bool{l.Query(): true, "": false, strings.Replace(l.Query(), "sig=", "sig=A", 1): false} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/live/a?"+query, nil)
		serve(w, r, "live/a", "")
		set := w.Result().Cookies()
		if (len(set) == 1) != want || w.Code != 200 {
			t.Fatal(query, set)
		}
		if !want {
			continue
		}
		c := set[0]
		if c.Name != link.Cookie || c.Path != "/live/a" || !c.HttpOnly {
			t.Error(c)
		}
		for path, good := range map[string]bool{"live/a": true, "live/b": false} {
			_, err := d.Allow(t.Context(), access.Request{Action: access.Play, Path: path, Remote: elsewhere(), Cookie: secretOf("a=b; " + c.Name + "=" + c.Value)})
			if (err == nil) != good {
				t.Error(path, err)
			}
		}
	}
	// A link to a folder becomes one to the stream.
	l, _ = d.Sign("live/", time.Hour, netip.Addr{})
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/live/b?"+l.Query(), nil)
	serve(w, r, "live/b", "")
	c := w.Result().Cookies()[0]
	if _, err := d.Allow(t.Context(), access.Request{Action: access.Play, Path: "live/b", Remote: elsewhere(), Cookie: secretOf(c.Name + "=" + c.Value)}); err != nil {
		t.Error(err)
	}
}

func TestTheHookDecidesLast(t *testing.T) {
	var asked atomic.Int32
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(answer)
	}))
	defer server.Close()
	hooked := func(change func(*config.Access)) *desk {
		return open(t, func(o *Options) {
			o.Settings.Hook.URL, o.Settings.Hook.Cache, o.Settings.Hook.Timeout = secretOf(server.URL), 0, 10*time.Second
			o.Dial = new(net.Dialer).DialContext
			if change != nil {
				change(&o.Settings)
			}
		})
	}
	d := hooked(nil)
	try := func(d *desk, token string) access.Why {
		_, err := d.Allow(t.Context(), access.Request{Action: access.Publish, Path: "live/a", Remote: elsewhere(), Token: secretOf(token), Keys: []pipeline.Secret{secretOf("own-key")}})
		return whyOf(err)
	}
	if why := try(d, "own-key"); why != "" || asked.Load() != 0 {
		t.Error("it is asked about what is known", why)
	}
	if why := try(d, "foreign"); why != "" || asked.Load() != 1 {
		t.Error(why, asked.Load())
	}
	answer = http.StatusForbidden
	if why := try(d, "foreign"); why != access.Wrong {
		t.Error(why)
	}
	answer = http.StatusInternalServerError
	if why := try(d, "foreign"); why != access.Unavailable {
		t.Error("it fails open", why)
	}
	if why := try(hooked(func(a *config.Access) { a.Hook.Open = true }), "foreign"); why != "" {
		t.Error(why)
	}
	answer = http.StatusForbidden
	if _, err := hooked(func(a *config.Access) { a.Play = "anyone" }).Allow(t.Context(), access.Request{Action: access.Play, Path: "live/a", Remote: elsewhere()}); err == nil {
		t.Error("anyone may watch although the hook says no")
	}
}

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
			if why := ask(access.Publish, path, "anew"); why != want {
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
