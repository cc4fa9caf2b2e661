package link

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func now() time.Time { return time.Unix(1_800_000_000, 0) }

func TestLinks(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	here, there := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	hour := now().Add(time.Hour)
	for _, c := range []struct {
		name   string
		link   Link
		stream string
		change func(string) string
		ip     netip.Addr
		secret string
		after  time.Duration
		want   error
	}{
		{name: "right", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/a"},
		{name: "folder", link: Sign(secret, "k1", "live/", hour, netip.Addr{}), stream: "live/a"},
		{name: "other folder", link: Sign(secret, "k1", "live/", hour, netip.Addr{}), stream: "show/a", want: ErrForged},
		{name: "other stream", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/b", want: ErrForged},
		{name: "other case", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/A", want: ErrForged},
		{name: "longer name", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/ab", want: ErrForged},
		{name: "expired", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/a", after: time.Hour, want: ErrExpired},
		{name: "other key", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/a", secret: "another", want: ErrForged},
		{name: "address", link: Sign(secret, "k1", "live/a", hour, here), stream: "live/a", ip: here},
		{name: "mapped address", link: Sign(secret, "k1", "live/a", hour, here), stream: "live/a", ip: netip.MustParseAddr("::ffff:192.0.2.7")},
		{name: "other address", link: Sign(secret, "k1", "live/a", hour, here), stream: "live/a", ip: there, want: ErrForged},
		{name: "no address", link: Sign(secret, "k1", "live/a", hour, here), stream: "live/a", want: ErrForged},
		{name: "unbound", link: Sign(secret, "k1", "live/a", hour, here), stream: "live/a", ip: there, change: func(s string) string {
			return strings.TrimSuffix(strings.TrimSuffix(s, "&ip=1"), ".ip")
		}, want: ErrForged},
		{name: "longer time", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/a", change: func(s string) string {
			return strings.Replace(s, "18", "19", 1)
		}, want: ErrForged},
		{name: "cut", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/a", change: func(s string) string { return s[:len(s)-1] }, want: ErrForged},
		{name: "sign", link: Sign(secret, "k1", "live/a", hour, netip.Addr{}), stream: "live/a", change: func(s string) string { return strings.Replace(s, "18", "+18", 1) }, want: ErrForged},
	} {
		if c.secret == "" {
			c.secret = string(secret)
		}
		if c.change == nil {
			c.change = func(s string) string { return s }
		}
		verify := func(l Link, err error) error {
			if err != nil {
				return err
			}
			return l.Verify([]byte(c.secret), c.ip, now().Add(c.after))
		}
		if err := verify(FromQuery(c.stream, "a=b&"+c.change(c.link.Query()))); !errors.Is(err, c.want) {
			t.Errorf("%s, as a query: %v", c.name, err)
		}
		if c.link.Prefix == "live/" {
			continue
		}
		if err := verify(FromPiece(c.stream, c.change(c.link.Piece()))); !errors.Is(err, c.want) {
			t.Errorf("%s, in one piece: %v", c.name, err)
		}
	}
}

func TestNoLink(t *testing.T) {
	for raw, want := range map[string]error{
		"":                         ErrNone,
		"exp=1&kid=a":              ErrNone,
		"design=1":                 ErrNone,
		"sig=a&exp=1":              nil,
		"sig=a&sig=b&exp=1":        ErrForged,
		"sig=a&exp=1&exp=2":        ErrForged,
		"sig=a&exp=01":             ErrForged,
		"sig=a&exp=1&prefix=li":    ErrForged,
		"sig=a&exp=1&prefix=show/": ErrForged,
		"sig=a&exp=1&kid=" + strings.Repeat("k", longest+1): ErrForged,
	} {
		if _, err := FromQuery("live/a", raw); !errors.Is(err, want) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// The vector of the guide, with which a CDN's program can be tested.
func TestVector(t *testing.T) {
	l := Sign([]byte("0123456789abcdef0123456789abcdef"), "k1", "live/studio", now(), netip.Addr{})
	const want = "exp=1800000000&kid=k1&sig=nQ0WKylFXhogFTb0KloXWMyqhjnQ3ikaahHtYS5iWYQ"
	if got := l.Query(); got != want {
		t.Error(got)
	}
}

func FuzzFromQuery(f *testing.F) {
	f.Add("live/a", "exp=1800000000&kid=k1&sig=abc")
	f.Add("live/a", "exp=1&kid=k1&sig=abc&prefix=live/&ip=1")
	f.Fuzz(func(t *testing.T, stream, raw string) {
		l, err := FromQuery(stream, raw)
		if err == nil && l.Verify([]byte("secret"), netip.Addr{}, now()) == nil {
			t.Error("a link that nobody has signed is good")
		}
		if err == nil {
			if _, err := FromPiece(stream, l.Piece()); err != nil && !strings.Contains(l.Key+l.sum, ".") {
				t.Error(err)
			}
		}
	})
}
