package rtc

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
)

// Credentials as coturn checks them: base64(HMAC-SHA1(secret, "expiry:name")).
func TestLinks(t *testing.T) {
	s := &Server{config: Config{
		STUN: []string{"stun.example.net:3478"},
		TURN: TURN{URLs: []string{"turn:relay.example.net:3478?transport=udp"}, Secret: pipeline.NewSecret("north"), Life: time.Hour},
	}}
	got := strings.Join(s.Links(time.Unix(1433891418, 0)), "\n")
	want := `<stun:stun.example.net:3478>; rel="ice-server"
<turn:relay.example.net:3478?transport=udp>; rel="ice-server"; username="1433895018:weir"; credential="a/bXMifMbSN/FxZacEBgPTplkMw="; credential-type="password"`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestGate(t *testing.T) {
	g := newGate(5, 2)
	addr := netip.MustParseAddr
	var leave []func()
	for _, c := range []struct {
		from string
		want bool
	}{
		{"192.0.2.1", true},
		{"::ffff:192.0.2.1", true},
		{"192.0.2.1", false},
		{"2001:db8::1", true},
		{"2001:db8::2", true},
		{"2001:db8::3", false},
		{"127.0.0.1", true},
		{"192.0.2.9", false},
	} {
		f, ok := g.enter(addr(c.from))
		if ok != c.want {
			t.Errorf("%s: %v", c.from, ok)
		}
		if ok {
			leave = append(leave, f)
		}
	}
	for _, f := range leave {
		f()
		f()
	}
	if g.count() != 0 || len(g.byAddr) != 0 {
		t.Errorf("%d left, %v", g.count(), g.byAddr)
	}
}

func TestCandidates(t *testing.T) {
	addr := netip.MustParseAddr
	a, err := newAddresses(&net.UDPAddr{IP: net.IPv6unspecified, Port: 8189}, nil, []netip.Addr{addr("203.0.113.7")})
	if err != nil {
		t.Fatal(err)
	}
	away := strings.Join(a.candidates(addr("192.0.2.1")), "\n")
	if !strings.HasPrefix(away, "candidate:1 1 udp 2130706431 203.0.113.7 8189 typ host") || strings.Contains(away, " 127.0.0.1 ") || strings.Contains(away, " ::1 ") {
		t.Errorf("for a peer elsewhere:\n%s", away)
	}
	if here := strings.Join(a.candidates(addr("::1")), "\n"); !strings.Contains(here, " 127.0.0.1 8189 ") {
		t.Errorf("for a peer on this machine:\n%s", here)
	}
	a, err = newAddresses(&net.UDPAddr{IP: net.IPv4(192, 0, 2, 5), Port: 8189}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.add(addr("203.0.113.7"))
	a.add(addr("203.0.113.7"))
	want := "candidate:1 1 udp 2130706431 203.0.113.7 8189 typ host\ncandidate:2 1 udp 2130706175 192.0.2.5 8189 typ host"
	if got := strings.Join(a.candidates(addr("::1")), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
