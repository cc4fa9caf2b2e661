//go:build !linux

package udp

import (
	"net"
)

// Socket is a bound UDP socket. Its methods may be called from any goroutine, Receive
// by one at a time.
type Socket struct{ *net.UDPConn }

// Listen binds a socket to an address of the form "host:port"; without a host it takes
// both IPv4 and IPv6.
func Listen(address string) (*Socket, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the address
	}
	c, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err //nolint:wrapcheck // likewise
	}
	return &Socket{c}, nil
}

// Receive hands each datagram to take, until the socket is closed: then it returns
// net.ErrClosed. Any other error is of a passing kind, and Receive may be called again.
func (s *Socket) Receive(take Take) error {
	for buf := make([]byte, mtu); ; {
		n, from, err := s.ReadFromUDPAddrPort(buf)
		if err != nil {
			return err //nolint:wrapcheck // net's own is promised
		}
		take(buf[:n], from)
	}
}

// Send sends messages until one of them is refused, and says how many it has sent.
func (s *Socket) Send(messages []Message) (n int, err error) {
	for i := range messages {
		if _, err := s.WriteToUDPAddrPort(messages[i].Data, messages[i].To); err != nil {
			return i, err //nolint:wrapcheck // it names the address
		}
	}
	return len(messages), nil
}

// Segments says whether messages can be cut.
func (s *Socket) Segments() bool { return false }
