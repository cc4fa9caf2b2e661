package rtctest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
)

// Server is where the server listens on a Network.
const Server = "10.0.0.1:8189"

// Delay is one way of a datagram through a Network without impairments.
const Delay = 10 * time.Millisecond

// Network is a virtual network with a server and any number of clients.
type Network struct {
	t      *testing.T
	router *vnet.Router

	mu       sync.Mutex // guards what follows
	to, from Fate
	clients  int
}

// Fate says what becomes of a datagram at the server's socket: whether it arrives, and
// how much later than others.
type Fate func(datagram []byte) (arrives bool, later time.Duration)

// NewNetwork makes a network, which ends with the test.
func NewNetwork(t *testing.T) *Network {
	t.Helper()
	router, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR: "10.0.0.0/16", QueueSize: 8192, MinDelay: Delay, LoggerFactory: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &Network{t: t, router: router}
	if err := router.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := router.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// quiet makes loggers that say nothing.
func quiet() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.Writer = io.Discard
	return f
}

// Impair decides about datagrams to and from the server from now on; nil is a network
// that works.
func (n *Network) Impair(to, from Fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.to, n.from = to, from
}

// Loss loses a part of all datagrams, the same ones each time.
func Loss(part float64, seed uint64) Fate {
	r := rand.New(rand.NewPCG(seed, seed))
	var mu sync.Mutex
	return func([]byte) (bool, time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64() >= part, 0
	}
}

// Jitter lets datagrams overtake each other by up to most.
func Jitter(most time.Duration, seed uint64) Fate {
	r := rand.New(rand.NewPCG(seed, seed))
	var mu sync.Mutex
	return func([]byte) (bool, time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		return true, time.Duration(r.Int64N(int64(most)))
	}
}

// Clumps delays every other datagram by up to most, and none overtakes another: what
// comes behind a late one is late as well, and then they come together.
func Clumps(most time.Duration, seed uint64) Fate {
	r := rand.New(rand.NewPCG(seed, seed))
	var mu sync.Mutex
	var last time.Time
	return func([]byte) (bool, time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		at := now.Add(max(0, time.Duration((2*r.Float64()-1)*float64(most))))
		if !at.After(last) {
			at = last.Add(time.Microsecond)
		}
		last = at
		return true, at.Sub(now)
	}
}

// Both is one fate after the other.
func Both(a, b Fate) Fate {
	return func(d []byte) (bool, time.Duration) {
		arrives, later := a(d)
		also, more := b(d)
		return arrives && also, later + more
	}
}

func (n *Network) fate(to bool, d []byte) (bool, time.Duration) {
	n.mu.Lock()
	f := n.from
	if to {
		f = n.to
	}
	n.mu.Unlock()
	if f == nil {
		return true, 0
	}
	return f(d)
}

// Listen opens the server's socket.
func (n *Network) Listen() net.PacketConn {
	n.t.Helper()
	c, err := n.host("10.0.0.1").ListenPacket("udp4", Server)
	if err != nil {
		n.t.Fatal(err)
	}
	return newImpaired(n, c)
}

// Client makes the network of another client.
func (n *Network) Client() *vnet.Net {
	n.t.Helper()
	n.mu.Lock()
	n.clients++
	ip := fmt.Sprintf("10.0.%d.%d", 1+n.clients/200, 1+n.clients%200)
	n.mu.Unlock()
	return n.host(ip)
}

func (n *Network) host(ip string) *vnet.Net {
	n.t.Helper()
	host, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.router.AddNet(host); err != nil {
		n.t.Fatal(err)
	}
	return host
}

// impaired is the server's socket.
type impaired struct {
	net.PacketConn
	network *Network
	in      chan packet
	closed  chan struct{}
	once    sync.Once
	reading sync.WaitGroup
}

type packet struct {
	data []byte
	from net.Addr
}

func newImpaired(n *Network, c net.PacketConn) *impaired {
	s := &impaired{PacketConn: c, network: n, in: make(chan packet, 8192), closed: make(chan struct{})}
	s.reading.Go(s.read)
	return s
}

func (s *impaired) read() {
	buf := make([]byte, 2048)
	for {
		n, from, err := s.PacketConn.ReadFrom(buf)
		if err != nil {
			return
		}
		p := packet{append([]byte(nil), buf[:n]...), from}
		arrives, later := s.network.fate(true, p.data)
		if !arrives {
			continue
		}
		deliver := func() {
			select {
			case s.in <- p:
			default:
			}
		}
		if later == 0 {
			deliver()
		} else {
			time.AfterFunc(later, deliver)
		}
	}
}

// ReadFrom implements net.PacketConn.
func (s *impaired) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-s.in:
		return copy(b, p.data), p.from, nil
	case <-s.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (s *impaired) WriteTo(b []byte, to net.Addr) (int, error) {
	arrives, later := s.network.fate(false, b)
	switch {
	case !arrives:
		return len(b), nil
	case later == 0:
		return s.PacketConn.WriteTo(b, to)
	}
	d := append([]byte(nil), b...)
	time.AfterFunc(later, func() { _, _ = s.PacketConn.WriteTo(d, to) })
	return len(b), nil
}

// Close implements net.PacketConn.
func (s *impaired) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		err = s.PacketConn.Close()
		s.reading.Wait()
	})
	return err
}
