package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"weir/pipeline/access"
)

// lists are the networks of the configuration.
type lists struct {
	allow, deny, proxies, metrics []netip.Prefix
}

func contains(list []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// admits says whether an address may come. An unknown one may only where all may.
func (l *lists) admits(ip netip.Addr) bool {
	if !ip.IsValid() {
		return len(l.allow) == 0 && len(l.deny) == 0
	}
	return !contains(l.deny, ip) && (len(l.allow) == 0 || contains(l.allow, ip))
}

// peer is who is at the other end.
type peer struct {
	// ip is invalid if a proxy has not said.
	ip netip.Addr
	// local says that it is this machine beyond doubt: nothing has been forwarded.
	local bool
}

// peer finds out who it is. A proxy that is not known is the peer itself, but whatever
// comes by it is not of this machine.
func (l *lists) peer(remote netip.Addr, forwarded string) peer {
	remote = remote.Unmap().WithZone("")
	if forwarded == "" {
		return peer{remote, remote.IsLoopback()}
	}
	if !contains(l.proxies, remote) {
		return peer{remote, false}
	}
	hops := strings.Split(forwarded, ",")
	for _, text := range slices.Backward(hops) { // each proxy has added who has come to it
		ip, ok := hop(text)
		if !ok {
			return peer{}
		}
		if remote = ip; !contains(l.proxies, ip) {
			break
		}
	}
	return peer{remote, false}
}

// hop reads one entry of an X-Forwarded-For header: an address, with or without a port.
func hop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	ip, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return ip.Unmap().WithZone(""), err == nil
}

// visitor is who has sent a request.
func (l *lists) visitor(r *http.Request) peer {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return l.peer(at.Addr(), access.Forwarded(r))
}

// secure says whether a request came by TLS, here or at a proxy that is known.
func (l *lists) secure(r *http.Request) bool {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return r.TLS != nil || contains(l.proxies, at.Addr().Unmap().WithZone("")) && r.Header.Get("X-Forwarded-Proto") == "https"
}
