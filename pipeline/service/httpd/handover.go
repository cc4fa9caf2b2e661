package httpd

import "net"

// replay is a connection of which some bytes have been read already.
type replay struct {
	net.Conn
	pending []byte
}

// Read implements net.Conn.
func (r *replay) Read(b []byte) (int, error) {
	if len(r.pending) > 0 {
		n := copy(b, r.pending)
		r.pending = r.pending[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}

// tcpOf is the TCP connection beneath ours, or nil.
func tcpOf(c net.Conn) *net.TCPConn {
	for {
		switch in := c.(type) {
		case *replay:
			c = in.Conn
		case *guest:
			c = in.Conn
		case *net.TCPConn:
			return in
		default:
			return nil
		}
	}
}

// single is a listener that has one connection.
type single struct{ conn net.Conn }

// Accept implements net.Listener.
func (l *single) Accept() (net.Conn, error) {
	c := l.conn
	if l.conn = nil; c == nil {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close implements net.Listener.
func (l *single) Close() error { return nil }

// Addr implements net.Listener.
func (l *single) Addr() net.Addr { return &net.TCPAddr{} }
