package access

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"weir/pipeline"
)

// Only what has come straight from a program of this machine is not forwarded.
func TestForwarded(t *testing.T) {
	for _, c := range []struct {
		host   string
		header http.Header
		want   string
	}{
		{"127.0.0.1:8080", nil, ""},
		{"[::1]:8080", nil, ""},
		{"localhost", nil, ""},
		{"127.0.0.1:8080", http.Header{"Origin": {"http://127.0.0.1:8080"}}, ""},
		{"127.0.0.1:8080", http.Header{"Origin": {"http://127.0.0.1:3000"}}, "another origin"},
		{"127.0.0.1:8080", http.Header{"Origin": {"null"}}, "another origin"},
		{"evil.example", nil, "another name"},
		{"127.0.0.1.evil.example:8080", nil, "another name"},
		{"", nil, "another name"},
		{"127.0.0.1:8080", http.Header{"X-Forwarded-For": {"192.0.2.1", "10.0.0.1"}}, "192.0.2.1,10.0.0.1"},
		{"127.0.0.1:8080", http.Header{"X-Real-Ip": {"127.0.0.1"}}, "a proxy"},
		{"127.0.0.1:8080", http.Header{"Via": {"1.1 x"}}, "a proxy"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = c.host
		if c.header != nil {
			r.Header = c.header
		}
		if got := Forwarded(r); got != c.want {
			t.Errorf("%s %v: %q", c.host, c.header, got)
		}
	}
}

// A cookie counts for what may change something only if a page of this server asks.
func TestCookies(t *testing.T) {
	for origin, want := range map[string]bool{"": true, "http://127.0.0.1:8080": true, "https://evil.example": false} {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/live/a/whip", nil)
		r.Header.Set("Cookie", "weir_session=a")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if q := FromHTTP(r, Publish, "whip", "live/a"); q.Cookie.Empty() == want {
			t.Errorf("%q: %v", origin, q.Cookie.Reveal())
		}
	}
}

// What a proxy has forwarded is another question than what came straight, and so is what
// another cookie comes with.
func TestCacheTellsThemApart(t *testing.T) {
	local, asked := netip.MustParseAddr("127.0.0.1"), 0
	c := NewCache(policy(func(Request) (*Pass, error) { asked++; return &Pass{}, nil }))
	for _, r := range []Request{
		{Remote: local}, {Remote: local, Forwarded: "192.0.2.1"}, {Remote: local, Forwarded: "192.0.2.2"},
		{Remote: local, Cookie: pipeline.NewSecret("weir_session=a")}, {Remote: local, Cookie: pipeline.NewSecret("weir_session=b")},
	} {
		for range 2 {
			if _, err := c.Allow(t.Context(), r); err != nil {
				t.Error(err)
			}
		}
	}
	if asked != 5 {
		t.Errorf("asked %d times", asked)
	}
}

type policy func(Request) (*Pass, error)

func (p policy) Allow(_ context.Context, r Request) (*Pass, error) { return p(r) }
