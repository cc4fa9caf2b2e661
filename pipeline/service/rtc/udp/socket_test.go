package udp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, address string) *Socket {
	t.Helper()
	s, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// at is a socket's address, as a peer at host sees it.
func at(s *Socket, host string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(host), s.local.AddrPort().Port())
}

// Datagrams of all sizes come as they were sent, with their sender's address, over all
// families.
func TestSendReceive(t *testing.T) {
	for listen, host := range map[string]string{"127.0.0.1:0": "127.0.0.1", "[::1]:0": "::1", ":0": "127.0.0.1"} {
		t.Run(listen, func(t *testing.T) {
			from, to := open(t, listen), open(t, listen)
			if !from.Segments() {
				t.Skip("this kernel cuts nothing")
			}
			var messages []Message
			var want [][]byte
			for i := range 3 * 128 { // more than one call takes
				d := bytes.Repeat([]byte{byte(i)}, 1+i%1400)
				m := Message{Data: d, To: at(to, host)}
				if i%3 == 0 {
					m.Segment = 500
				}
				messages = append(messages, m)
				for len(d) > 500 && m.Segment > 0 {
					want, d = append(want, d[:500]), d[500:]
				}
				want = append(want, d)
			}
			done, came := make(chan error, 1), make(chan struct{}, len(want))
			go func() {
				i := 0
				done <- to.Receive(func(d []byte, peer netip.AddrPort) bool {
					if i >= len(want) || !bytes.Equal(d, want[i]) || peer.Addr().Unmap() != netip.MustParseAddr(host) || peer.Port() != at(from, host).Port() {
						t.Errorf("datagram %d: %d bytes of %d from %v", i, len(d), d[0], peer)
					}
					i++
					came <- struct{}{}
					return i%100 == 0
				})
			}()
			for i := 0; i < len(messages); i += 32 { // what the receiver's buffer takes
				part := messages[i : i+32]
				if n, err := from.Send(part); n != len(part) || err != nil {
					t.Fatalf("%d sent: %v", n, err)
				}
				for _, m := range part {
					<-came
					for rest := len(m.Data); m.Segment > 0 && rest > m.Segment; rest -= m.Segment {
						<-came
					}
				}
			}
			_ = to.Close()
			if err := <-done; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
	}
}

// What comes before a refused message is sent, and counted.
func TestRefused(t *testing.T) {
	from, to := open(t, "127.0.0.1:0"), open(t, "127.0.0.1:0")
	good := Message{Data: []byte("x"), To: at(to, "127.0.0.1")}
	bad := Message{Data: make([]byte, 70_000), To: good.To}
	if n, err := from.Send([]Message{good, good, bad, good}); n != 2 || err == nil {
		t.Errorf("%d sent, %v", n, err)
	}
}

// Close ends whoever waits, and all that come later.
func TestClose(t *testing.T) {
	s := open(t, "127.0.0.1:0")
	done := make(chan error, 1)
	go func() {
		_, _, err := s.ReadFrom(make([]byte, 10))
		done <- err
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := s.WriteTo([]byte("x"), s.local); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if err := s.Close(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestListenTaken(t *testing.T) {
	s := open(t, "127.0.0.1:0")
	if again, err := Listen(s.local.String()); err == nil {
		_ = again.Close()
		t.Error("one port twice")
	}
}
