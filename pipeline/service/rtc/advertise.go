package rtc

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// addresses knows where this node can be reached.
type addresses struct {
	udp, tcp netip.AddrPort // as bound; tcp is invalid without a listener

	mu     sync.Mutex   // guards public
	public []netip.Addr // configured, or found out
}

func newAddresses(udp net.Addr, tcp net.Listener, public []netip.Addr) (*addresses, error) {
	a := &addresses{public: slices.Clone(public)}
	u, ok := udp.(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("%s is no UDP address", udp)
	}
	a.udp = unmapped(u.AddrPort())
	if tcp != nil {
		t, ok := tcp.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("%s is no TCP address", tcp.Addr())
		}
		a.tcp = unmapped(t.AddrPort())
	}
	return a, nil
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// add makes a public address known that was found out.
func (a *addresses) add(public netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.public, public) {
		a.public = append(a.public, public)
	}
}

// reachable lists the addresses at which a socket that is bound to at is reached, the
// best first: public ones, then this machine's. The loopback addresses are for peers
// on this machine only.
func (a *addresses) reachable(at netip.Addr, remote netip.Addr) []netip.Addr {
	a.mu.Lock()
	all := slices.Clone(a.public)
	a.mu.Unlock()
	if !at.IsUnspecified() {
		return appendNew(all, at)
	}
	local := remote.Unmap().IsLoopback()
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return all
	}
	for _, i := range interfaces {
		p, ok := i.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(p.IP)
		ip = ip.Unmap()
		switch {
		case !ok, ip.IsLinkLocalUnicast(), ip.IsMulticast(), at.Is4() && ip.Is6():
		case ip.IsLoopback() && !local:
		default:
			all = appendNew(all, ip)
		}
	}
	return all
}

func appendNew(all []netip.Addr, ip netip.Addr) []netip.Addr {
	if slices.Contains(all, ip) {
		return all
	}
	return append(all, ip)
}

// own is one address of each family that the socket has, for those who need to name
// one.
func (a *addresses) own() []netip.AddrPort {
	var own []netip.AddrPort
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if !a.udp.Addr().IsUnspecified() {
		return append(own, a.udp)
	}
	own = append(own, netip.AddrPortFrom(loopback, a.udp.Port()))
	if a.udp.Addr().Is6() {
		own = append(own, netip.AddrPortFrom(netip.IPv6Loopback(), a.udp.Port()))
	}
	return own
}

// The parts of a candidate's priority (RFC 8445 section 5.1.2, RFC 6544 section 4.2).
const (
	preferUDP = 126
	preferTCP = 90
	component = 1 // RTP and RTCP on one
)

// candidates are the lines "candidate:…" (RFC 8839 section 5.1) for a peer whose
// signalling comes from remote.
func (a *addresses) candidates(remote netip.Addr) []string {
	var lines []string
	for i, ip := range a.reachable(a.udp.Addr(), remote) {
		lines = append(lines, fmt.Sprintf("candidate:%d %d udp %d %s %d typ host",
			i+1, component, priority(preferUDP, i), ip, a.udp.Port()))
	}
	if !a.tcp.IsValid() {
		return lines
	}
	for i, ip := range a.reachable(a.tcp.Addr(), remote) {
		lines = append(lines, fmt.Sprintf("candidate:%d %d tcp %d %s %d typ host tcptype passive",
			i+101, component, priority(preferTCP, i), ip, a.tcp.Port()))
	}
	return lines
}

func priority(kind uint32, place int) uint32 {
	const most = 1<<16 - 1
	return kind<<24 | uint32(most-min(place, most))<<8 | (256 - component)
}
