package rtc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// mtu is more than any datagram that WebRTC sends.
const mtu = 2048

// readBuffer is how much the kernel keeps of what has come and was not read yet: a
// key frame of each of some hundred publishers.
const readBuffer = 4 << 20

// socket is the UDP socket without its allocations.
type socket interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// packetSocket makes a socket of any packet connection.
type packetSocket struct{ net.PacketConn }

func (s packetSocket) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := s.ReadFrom(b)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	udp, ok := from.(*net.UDPAddr)
	if !ok {
		return 0, netip.AddrPort{}, fmt.Errorf("a datagram from %s, which is not UDP", from.Network())
	}
	return n, udp.AddrPort(), nil
}

func (s packetSocket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func newSocket(c net.PacketConn) socket {
	if udp, ok := c.(*net.UDPConn); ok {
		_ = udp.SetReadBuffer(readBuffer) // the kernel may allow less
		return udp
	}
	return packetSocket{c}
}

// readUDP hands each datagram to whose it is until the socket is closed.
func (s *Server) readUDP(ctx context.Context) error {
	buf := make([]byte, mtu)
	for {
		n, from, err := s.socket.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed) || err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			// An ICMP message about an earlier datagram, or a lack of memory.
			s.log.Debug("reading from the UDP socket failed", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Millisecond):
			}
		default:
			s.dispatch(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// dispatch gives a datagram to its owner, or drops it.
func (s *Server) dispatch(data []byte, from netip.AddrPort) {
	if ufrag := checkFor(data); ufrag != nil {
		switch {
		case s.mux.check(ufrag, data, from):
		case s.egress != nil && s.egress.Handle(data, from):
			s.mux.unbind(from) // the address has another owner now
		default:
			s.strangers.Add(1)
		}
		return
	}
	switch {
	case s.mux.deliver(data, from):
	case len(s.config.STUN) > 0 && s.discovery.answer(data):
	case s.egress != nil && s.egress.Handle(data, from):
	default:
		s.strangers.Add(1)
	}
}
