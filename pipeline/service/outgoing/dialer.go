package outgoing

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// DeniedError says that an address is none to connect to.
type DeniedError struct {
	Address netip.AddrPort
	Why     string
}

// Error says what to do about it.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("%v is %s: if you mean it, add it to server.outgoing.allow", e.Address, e.Why)
}

// Dialer opens TCP connections. Names are looked up each time; where a host has
// addresses of both families, the second is tried soon beside the first (RFC 8305).
// The zero Dialer connects to public addresses only.
type Dialer struct {
	// Allow are the networks that may be connected to all the same.
	Allow []netip.Prefix
}

// DialContext is as that of net.Dialer.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	n := net.Dialer{
		FallbackDelay: 250 * time.Millisecond,
		KeepAlive:     15 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return d.check(at)
		},
	}
	return n.DialContext(ctx, network, address)
}

// check says whether an address may be connected to.
func (d *Dialer) check(at netip.AddrPort) error {
	ip := at.Addr().WithZone("").Unmap()
	if slices.ContainsFunc(d.Allow, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return &DeniedError{at, "an address of this machine or its network"}
	}
	for _, p := range special() {
		if p.Contains(ip) {
			return &DeniedError{at, "in a network for special purposes"}
		}
	}
	if port := at.Port(); port < 1024 && port != 80 && port != 443 {
		return &DeniedError{at, "a port of another service"}
	}
	return nil
}

// special are the networks that are not, or not only, of the public Internet (IANA's
// special-purpose address registries), as far as package netip does not know them.
func special() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// ParseAllow reads networks and single addresses.
func ParseAllow(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range texts {
		p, err := netip.ParsePrefix(s)
		if ip, bad := netip.ParseAddr(s); bad == nil {
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", s)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
