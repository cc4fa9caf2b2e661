package rtmpd

import (
	"context"
	"net"
	"sync"
)

// desk is the listener that the library accepts from: it yields connections that
// are through with their handshakes.
type desk struct {
	queue  chan *waiting
	closed chan struct{}
	once   sync.Once
}

// waiting is a guarded connection in the clothes of a net.Conn.
type waiting struct {
	net.Conn
	guard *guard
}

func newDesk() *desk {
	return &desk{queue: make(chan *waiting), closed: make(chan struct{})}
}

// offer hands a connection to the library, unless ctx ends first.
func (d *desk) offer(ctx context.Context, g *guard) bool {
	select {
	case d.queue <- &waiting{g.link.conn, g}:
		return true
	case <-ctx.Done():
		return false
	}
}

// Accept waits for the next connection.
func (d *desk) Accept() (net.Conn, error) {
	select {
	case w := <-d.queue:
		return w, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close makes Accept fail.
func (d *desk) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

// Addr is of no meaning.
func (d *desk) Addr() net.Addr { return &net.TCPAddr{} }
