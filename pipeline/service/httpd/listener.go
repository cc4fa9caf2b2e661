package httpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// limitListener closes connections beyond the limits as they arrive, and waits a
// little instead of failing when the machine has run out of something.
type limitListener struct {
	net.Listener
	ctx  context.Context //nolint:containedctx // ends the waiting in Accept, whose signature is given
	log  *slog.Logger
	door *door
}

// The pause after a failed Accept doubles from the first to the last.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

func (l *limitListener) Accept() (net.Conn, error) {
	pause := firstPause
	for {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			if admitted, ok := l.door.admit(c); ok {
				return admitted, nil
			}
		case !passing(err):
			return nil, err
		default:
			if l.door.acceptErrors.Add(1); pause == firstPause {
				l.log.Warn("cannot accept connections for now", "error", err)
			}
			select {
			case <-time.After(pause):
			case <-l.ctx.Done():
				return nil, net.ErrClosed
			}
			pause = min(2*pause, lastPause)
		}
	}
}

// passing says whether an error of Accept is about one connection or about a
// shortage, and not about the listener.
func passing(err error) bool {
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ECONNABORTED, syscall.EINTR,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// door counts the open connections of a server, in all and by address.
type door struct {
	limits *Limits
	counters

	mu     sync.Mutex // guards what follows
	open   int
	byAddr map[netip.Addr]int
}

// admit wraps c if there is room for it, and closes it otherwise.
func (d *door) admit(c net.Conn) (net.Conn, bool) {
	addr := network(c.RemoteAddr())
	d.mu.Lock()
	fullAll := d.open >= d.limits.Conns
	fullAddr := !d.exempt(addr) && d.byAddr[addr] >= d.limits.ConnsPerAddr
	if !fullAll && !fullAddr {
		d.open++
		d.byAddr[addr]++
	}
	d.mu.Unlock()
	switch {
	case fullAll:
		d.refused.Add(1)
	case fullAddr:
		d.refusedAddr.Add(1)
	default:
		d.accepted.Add(1)
		boundSendQueue(c)
		return &guest{Conn: c, leave: sync.OnceFunc(func() { d.leave(addr) })}, true
	}
	_ = c.Close()
	return nil, false
}

func (d *door) leave(addr netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.byAddr[addr]--; d.byAddr[addr] == 0 {
		delete(d.byAddr, addr)
	}
}

func (d *door) exempt(a netip.Addr) bool {
	for _, p := range d.limits.Exempt {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (d *door) conns() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// network is what stands for one peer: an IPv4 address or an IPv6 /64, which is
// what one subscriber is given. Loopback stays as it is.
func network(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is4() || ip.IsLoopback() {
		return ip
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return ip
	}
	return p.Addr()
}

// guest is an admitted connection.
type guest struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.leave()
	return g.Conn.Close()
}

// ReadFrom lets package net/http find the kernel's way from a file to a socket.
func (g *guest) ReadFrom(r io.Reader) (int64, error) { return io.Copy(g.Conn, r) }
