package egress

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/transport/v5/deadline"
)

// hub is a network without delay for bubbles.
type hub struct {
	mu    sync.Mutex
	ports map[netip.AddrPort]*port
	lose  func(from, to netip.AddrPort, d []byte) bool // under mu
}

type packet struct {
	data []byte
	from netip.AddrPort
}

// port is a net.PacketConn in a hub.
type port struct {
	hub     *hub
	in      chan packet
	closed  chan struct{}
	once    sync.Once
	reading *deadline.Deadline

	mu   sync.Mutex
	addr netip.AddrPort
}

func newHub() *hub { return &hub{ports: make(map[netip.AddrPort]*port)} }

func (h *hub) port(addr string) *port {
	p := &port{hub: h, in: make(chan packet, 4096), closed: make(chan struct{}), reading: deadline.New()}
	p.move(addr)
	return p
}

// move gives the port another address, as a NAT does.
func (p *port) move(addr string) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.hub.ports, p.addr)
	p.addr = netip.MustParseAddrPort(addr)
	p.hub.ports[p.addr] = p
}

func (p *port) at() netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

func (p *port) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-p.in:
		return copy(b, d.data), net.UDPAddrFromAddrPort(d.from), nil
	case <-p.reading.Done():
		return 0, nil, os.ErrDeadlineExceeded
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *port) WriteTo(b []byte, to net.Addr) (int, error) {
	from, target := p.at(), to.(*net.UDPAddr).AddrPort()
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	peer := p.hub.ports[target]
	if peer == nil || p.hub.lose != nil && p.hub.lose(from, target, b) {
		return len(b), nil
	}
	select {
	case peer.in <- packet{data: bytes.Clone(b), from: from}:
	default:
	}
	return len(b), nil
}

func (p *port) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *port) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(p.at()) }
func (p *port) SetDeadline(t time.Time) error    { return p.SetReadDeadline(t) }
func (p *port) SetWriteDeadline(time.Time) error { return nil }
func (p *port) SetReadDeadline(t time.Time) error {
	p.reading.Set(t)
	return nil
}
