package egress

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"weir/pipeline/service/rtc/udp"
)

// A batch reaches its viewers packet by packet, whichever way it leaves.
func TestWire(t *testing.T) {
	for name, setup := range map[string]func(w *wire){
		"segments": func(*wire) {},
		"sendmmsg": func(w *wire) { w.cut.Store(false) },
		"one by one": func(w *wire) {
			w.cut.Store(false)
			w.many = nil
		},
	} {
		for from, host := range map[string]string{"127.0.0.1:0": "127.0.0.1", "[::1]:0": "::1", ":0": "127.0.0.1"} {
			t.Run(name+"/"+from, func(t *testing.T) {
				e, err := New(Config{})
				if err != nil {
					t.Fatal(err)
				}
				out := open(t, from)
				socket := e.Attach(out)
				setup(&socket.wire)
				s, f := e.NewSender(), newFilm()
				_, print := certificate(t)
				var viewers []*Stream
				var conns []*net.UDPConn
				for range 3 {
					conn := listen(t, "udp", host)
					session, err := s.Open(SessionParams{Fingerprints: []string{print}, Streams: []StreamParams{{Rate: 90000}}})
					if err != nil {
						t.Fatal(err)
					}
					if err := session.secure(make([]byte, 16), make([]byte, 12), dtls.SRTP_AEAD_AES_128_GCM); err != nil {
						t.Fatal(err)
					}
					session.path.Store(newPath(origin{socket: socket, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}))
					session.state.Store(uint32(Live))
					viewers, conns = append(viewers, session.Stream(0)), append(conns, conn)
				}
				sizes := []int{1000, 1000, 1000, 300, 1000, 1200, 1200, 20, 20, 30}
				s.Send(f.frame(0, 0, 0, sizes...), viewers)
				s.Send(f.frame(0, uint16(len(sizes)), 0, 7), viewers)
				s.Flush()
				for i, conn := range conns {
					var got []int
					b := make([]byte, 4096)
					for range len(sizes) + 1 {
						_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
						n, err := conn.Read(b)
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, n-12-16)
					}
					if want := append(slices.Clone(sizes), 7); !slices.Equal(got, want) {
						t.Errorf("viewer %d got %v, want %v", i, got, want)
					}
				}
				if n := socket.wire.refused.Load(); n != 0 {
					t.Errorf("%d messages refused", n)
				}
			})
		}
	}
}

// What the kernel does not cut is sent in pieces, and so is what comes after it.
func TestRefusedSegments(t *testing.T) {
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	socket := e.Attach(open(t, "127.0.0.1:0"))
	if !socket.wire.segments() {
		t.Skip("this kernel cuts nothing")
	}
	conn := listen(t, "udp4", "127.0.0.1")
	message := func(n, segment int) udp.Message {
		return udp.Message{Data: make([]byte, n), To: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Segment: segment}
	}
	socket.wire.send([]udp.Message{message(20, 10), message(1399, 10), message(31, 11)})
	var got []int
	b := make([]byte, 4096)
	for range 2 + 140 + 3 {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if tail := got[len(got)-4:]; !slices.Equal(tail, []int{9, 11, 11, 9}) {
		t.Errorf("the last are %v", tail)
	}
	if !socket.wire.segments() || socket.wire.refused.Load() != 0 {
		t.Error("one message that is too long says nothing of others")
	}
}

func open(t *testing.T, address string) *udp.Socket {
	t.Helper()
	s, err := udp.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func listen(t *testing.T, network, host string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP(network, &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// More than a batch holds, in messages and in bytes.
func TestLargeBatches(t *testing.T) {
	for name, size := range map[string]int{"many": 1, "large": 1390} {
		e, err := New(Config{Limits: Limits{HalfOpen: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		hub := newHub()
		out, in := hub.port(serverAddr), hub.port("198.51.100.1:1")
		socket := e.Attach(out)
		socket.wire.cut.Store(false)
		s, f := e.NewSender(), newFilm()
		_, print := certificate(t)
		var viewers []*Stream
		for range 400 {
			session, err := s.Open(SessionParams{Fingerprints: []string{print}, Streams: []StreamParams{{Rate: 90000}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := session.secure(make([]byte, 16), make([]byte, 12), dtls.SRTP_AEAD_AES_128_GCM); err != nil {
				t.Fatal(err)
			}
			session.path.Store(newPath(origin{socket: socket, addr: in.at()}))
			session.state.Store(uint32(Live))
			viewers = append(viewers, session.Stream(0))
		}
		s.Send(f.frame(0, 0, 0, size, size, size+1, size-1), viewers)
		s.Flush()
		if n := len(in.in); n != 1600 {
			t.Errorf("%s: %d packets", name, n)
		}
		for len(in.in) > 0 {
			if n := len((<-in.in).data) - 28 - size; n < -1 || n > 1 {
				t.Fatalf("%s: a packet of %d more", name, n)
			}
		}
	}
}
