package outgoing

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestCheck(t *testing.T) {
	allow, err := ParseAllow([]string{"10.1.0.0/16", "127.0.0.2"})
	if err != nil {
		t.Fatal(err)
	}
	d := Dialer{Allow: allow}
	for address, ok := range map[string]bool{
		"8.8.8.8:1935": true, "8.8.8.8:443": true, "8.8.8.8:25": false, "[2a00:1450::1]:1935": true,
		"127.0.0.1:1935": false, "127.0.0.2:22": true, "[::ffff:127.0.0.1]:1935": false, "0.0.0.0:1935": false, "[::]:1935": false, "[::1]:1935": false,
		"10.1.2.3:1935": true, "10.2.2.3:1935": false, "192.168.1.1:1935": false, "172.16.0.1:443": false, "169.254.169.254:80": false,
		"[::ffff:10.2.0.1]:443": false, "[64:ff9b::7f00:1]:443": false, "[2002:7f00:1::]:443": false, "[fd00::1]:443": false, "[fe80::1%lo]:443": false,
		"100.64.0.1:443": false, "224.0.0.1:443": false, "255.255.255.255:443": false, "198.18.0.1:443": false, "[fec0::1]:443": false,
	} {
		err := d.check(netip.MustParseAddrPort(address))
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := ParseAllow([]string{"localhost"}); err == nil {
		t.Error("a name is taken for a network")
	}
}

// The rules hold for what a name turns out to be.
func TestDial(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	var denied *DeniedError
	if _, err := new(Dialer).DialContext(t.Context(), "tcp", "localhost:"+port); !errors.As(err, &denied) {
		t.Errorf("localhost: %v", err)
	}
	c, err := (&Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}
