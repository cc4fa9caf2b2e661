package rtc_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/service/rtc"
	"weir/pipeline/service/rtc/rtctest"
)

// Real sockets: UDP, and TCP for those who cannot use UDP.
func TestLoopback(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s, err := rtc.New(rtc.Config{UDP: udp, TCP: ln})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx) }()

		o := both()
		o.TCP = tcp
		e := rtctest.NewEncoder(t, o)
		offer, err := rtc.ParseOffer([]byte(e.Offer(t)))
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Publish(t.Context(), offer, netip.MustParseAddr("127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Answer()
		if err != nil {
			t.Fatal(err)
		}
		e.Accept(t, answer)
		select {
		case <-e.Connected:
		case <-time.After(10 * time.Second):
			t.Fatalf("tcp %v: no connection", tcp)
		}
		if n := s.Stats().Conns; (n > 0) != tcp {
			t.Errorf("tcp %v: %d connections", tcp, n)
		}
		go e.Movie(t, time.Second, 3)
		for video := 0; video < 90; {
			packet, err := p.Recv(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if packet.Kind == media.KindVideo {
				video++
			}
		}
		p.Close(errors.New("enough"))
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Conns != 0 || st.Publishers != 0 {
			t.Errorf("left over: %+v", st)
		}
	}
}

// Connections that say nothing, or nonsense, or check for nobody, are closed.
func TestTCPStrangers(t *testing.T) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := rtc.New(rtc.Config{UDP: udp, TCP: ln, Limits: rtc.Limits{Frame: 200 * time.Millisecond, TCP: 20}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	stranger := check("nobody:abcd", nil)
	for _, first := range [][]byte{
		nil, {0}, {255, 255, 1}, {0, 4, 1, 2, 3, 4}, append([]byte{0, byte(len(stranger))}, stranger...), []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(first); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		var late net.Error
		if n, err := c.Read(make([]byte, 1)); n != 0 || errors.As(err, &late) && late.Timeout() {
			t.Errorf("%q: %d bytes, %v", first, n, err)
		}
		_ = c.Close()
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
