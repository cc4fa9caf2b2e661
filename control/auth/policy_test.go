package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/control/auth/book"
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

func (d *desk) signInAnn(t *testing.T) string {
	t.Helper()
	status, body, w := d.ask(call{method: "POST", url: "/session", body: map[string]string{"user": "ann", "password": goodPassword}})
	if status != 200 {
		t.Fatal(status, body)
	}
	return Cookie + "=" + cookieIn(w).Value
}
