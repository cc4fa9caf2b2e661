package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"weir/control/auth/book"
	"weir/control/auth/link"
	"weir/pipeline/access"
)

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
