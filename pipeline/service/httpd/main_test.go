package httpd

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"weir/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func pattern(t *testing.T, text string) pipeline.Pattern {
	t.Helper()
	p, err := pipeline.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// town is a network of pipes inside a synctest bubble, where time is free.
type town struct {
	arrivals chan any // net.Conn or error
	closed   chan struct{}
	close    func()
}

func newTown() *town {
	n := &town{arrivals: make(chan any), closed: make(chan struct{})}
	n.close = sync.OnceFunc(func() { close(n.closed) })
	return n
}

func (n *town) Accept() (net.Conn, error) {
	select {
	case a := <-n.arrivals:
		if err, ok := a.(error); ok {
			return nil, err
		}
		return a.(net.Conn), nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *town) Close() error   { n.close(); return nil }
func (n *town) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects from an address.
func (n *town) dial(from string) net.Conn {
	here, there := net.Pipe()
	n.arrivals <- housed{there, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 4000))}
	return here
}

// client keeps its connections to itself.
func (n *town) client(t *testing.T, from string) *http.Client {
	t.Helper()
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return n.dial(from), nil
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// housed is a pipe's end with the address of a peer.
type housed struct {
	net.Conn
	addr net.Addr
}

func (h housed) RemoteAddr() net.Addr { return h.addr }

// serve runs s on a town until stop is called, which waits for its end.
func serve(t *testing.T, s *Server) (n *town, stop func()) {
	t.Helper()
	n = newTown()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, n) }()
	return n, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}
