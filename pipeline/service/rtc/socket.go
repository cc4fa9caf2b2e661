package rtc

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"weir/pipeline/service/rtc/udp"
)

// mtu is more than any datagram that WebRTC sends.
const mtu = 2048

// readBuffer is how much the kernel keeps of what has come and was not read yet: a
// key frame of each of some hundred publishers.
const readBuffer = 4 << 20

// socket is the UDP socket; a *udp.Socket is one.
type socket interface {
	Receive(take udp.Take) error
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// packetSocket makes a socket of any packet connection.
type packetSocket struct{ net.PacketConn }

func (s packetSocket) Receive(take udp.Take) error {
	for buf := make([]byte, mtu); ; {
		n, from, err := s.ReadFrom(buf)
		if err != nil {
			return err
		}
		if addr, ok := from.(*net.UDPAddr); ok {
			take(buf[:n], addr.AddrPort())
		}
	}
}

func (s packetSocket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func newSocket(c net.PacketConn) socket {
	if s, ok := c.(*udp.Socket); ok {
		_ = s.SetReadBuffer(readBuffer) // the kernel may allow less
		return s
	}
	return packetSocket{c}
}

// readUDP hands each datagram to whose it is until the socket is closed.
func (s *Server) readUDP(ctx context.Context) error {
	for {
		err := s.socket.Receive(s.dispatch)
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return nil
		}
		// An ICMP message about an earlier datagram, or a lack of memory.
		s.log.Debug("reading from the UDP socket failed", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Millisecond):
		}
	}
}

// dispatch gives a datagram to its owner, or drops it. What publishers send is urgent.
func (s *Server) dispatch(data []byte, from netip.AddrPort) (urgent bool) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	if ufrag := checkFor(data); ufrag != nil {
		switch {
		case s.mux.check(ufrag, data, from):
			return true
		case s.egress != nil && s.egress.Handle(data, from):
			s.mux.unbind(from) // the address has another owner now
		default:
			s.strangers.Add(1)
		}
		return false
	}
	switch {
	case s.mux.deliver(data, from):
		return true
	case len(s.config.STUN) > 0 && s.discovery.answer(data):
	case s.egress != nil && s.egress.Handle(data, from):
	default:
		s.strangers.Add(1)
	}
	return false
}
