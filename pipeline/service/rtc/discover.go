package rtc

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

const (
	// discoverEvery is how often a STUN server is asked; the answer may change with a
	// new lease of the address.
	discoverEvery = 5 * time.Minute
	// discoverAgain is how long an answer may take before the question is repeated.
	discoverAgain = 2 * time.Second
	discoverTries = 5
)

// discovery asks STUN servers for this node's public address (RFC 8489 section 2),
// from the socket that peers use.
type discovery struct {
	mu    sync.Mutex // guards asked
	asked map[[stun.TransactionIDSize]byte]bool
	found chan netip.Addr
}

func newDiscovery() *discovery {
	return &discovery{asked: make(map[[stun.TransactionIDSize]byte]bool), found: make(chan netip.Addr, 1)}
}

// discover asks until ctx ends. Only the first server that answers matters.
func (s *Server) discover(ctx context.Context) {
	for len(s.config.STUN) > 0 {
		if ip, ok := s.ask(ctx); ok {
			s.log.Info("found the public address", "address", ip)
			s.addresses.add(ip)
		} else if ctx.Err() == nil {
			s.log.Warn("no STUN server told the public address", "servers", s.config.STUN)
		}
		select {
		case <-time.After(discoverEvery):
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) ask(ctx context.Context) (netip.Addr, bool) {
	defer s.discovery.reset()
	for range discoverTries {
		for _, server := range s.config.STUN {
			addr, err := net.ResolveUDPAddr("udp4", server)
			if err != nil {
				s.log.Debug("resolving a STUN server failed", "server", server, "error", err)
				continue
			}
			m, err := stun.Build(stun.TransactionID, stun.BindingRequest)
			if err != nil {
				return netip.Addr{}, false
			}
			s.discovery.expect(m.TransactionID)
			if _, err := s.socket.WriteToUDPAddrPort(m.Raw, addr.AddrPort()); err != nil {
				s.log.Debug("asking a STUN server failed", "server", server, "error", err)
			}
		}
		select {
		case ip := <-s.discovery.found:
			return ip, true
		case <-time.After(discoverAgain):
		case <-ctx.Done():
			return netip.Addr{}, false
		}
	}
	return netip.Addr{}, false
}

func (d *discovery) expect(id [stun.TransactionIDSize]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[id] = true
}

func (d *discovery) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.asked)
}

// answer takes a datagram if it answers a question.
func (d *discovery) answer(data []byte) bool {
	if !isSTUN(data) {
		return false
	}
	d.mu.Lock()
	asked := d.asked[[stun.TransactionIDSize]byte(data[8:stunHeader])]
	d.mu.Unlock()
	if !asked {
		return false
	}
	m := &stun.Message{Raw: append([]byte(nil), data...)}
	var at stun.XORMappedAddress
	if m.Decode() != nil || m.Type != stun.BindingSuccess || at.GetFrom(m) != nil {
		return true
	}
	if ip, ok := netip.AddrFromSlice(at.IP); ok {
		select {
		case d.found <- ip.Unmap():
		default:
		}
	}
	return true
}
