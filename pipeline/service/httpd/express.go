package httpd

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// express is a connection that was taken over from package net/http, because the
// requests on it come in bulk: a player of low-latency HLS sends twenty in a second,
// all but for the target the same. As long as they are plain and meant for a mount
// that is Lean, express answers them with what it has at hand: one goroutine, one
// buffer, one request, no parsing of fields that have not changed. The first other
// request takes the connection back to where it came from.
type express struct {
	fleet *fleet
	conn  net.Conn
	reply reply
	pw    progressWriter

	ctx    context.Context //nolint:containedctx // the context of the requests
	cancel context.CancelFunc
	req    *http.Request // the one that is being answered, used again and again
	url    url.URL       // of req
	to     destination   // of req
	fields []byte        // the header section that req.Header was made from

	in     []byte    // received, and not yet understood
	space  []byte    // where in is
	begun  bool      // the deadline is for the rest of a head
	readBy time.Time // the deadline for reading

	since atomic.Int64 // when the request under way began, Unix ns; 0 between requests
}

const (
	// headSpace bounds the head of a plain request, and what a connection holds.
	headSpace = 4 << 10
	// idleSlack is by how much longer than Limits.Idle a connection may be idle, so
	// that its deadline need not be moved with each request.
	idleSlack = 5 * time.Second
)

// board takes a request's connection over, if it may. The request is answered then.
func (s *Server) board(w http.ResponseWriter, r *http.Request) bool {
	f, ok := r.Context().Value(fleetKey{}).(*fleet)
	if !ok || !isPlain(r) {
		return false
	}
	to, ok := s.routes.Load().lean(r.URL.Path)
	if !ok {
		return false
	}
	hj, ok := w.(http.Hijacker)
	if !ok {
		return false
	}
	conn, rw, err := hj.Hijack()
	if err != nil {
		return false
	}
	e := &express{fleet: f, conn: conn, space: make([]byte, headSpace), url: *r.URL, to: to}
	n, _ := rw.Reader.Read(e.space[:min(headSpace, rw.Reader.Buffered())]) // from memory
	e.in = e.space[:n]
	e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(r.Context()))
	e.reply.conn, e.reply.tcp = conn, tcpOf(conn)
	e.pw = progressWriter{
		ResponseWriter: &e.reply, ctl: http.NewResponseController(&e.reply),
		limits: &f.server.limits, slow: &f.server.door.slow,
	}
	e.req = (&http.Request{
		Method: r.Method, URL: &e.url, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header, Body: http.NoBody, Host: r.Host, RemoteAddr: r.RemoteAddr, RequestURI: r.RequestURI,
	}).WithContext(e.ctx)
	f.start(e)
	return true
}

// isPlain is what parseHead and parseFields see to, of a request that package
// net/http has parsed.
func isPlain(r *http.Request) bool {
	h := r.Header
	return r.TLS == nil && r.ProtoMajor == 1 && r.ProtoMinor == 1 && !r.Close &&
		(r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.ContentLength == 0 && len(r.TransferEncoding) == 0 && h["Upgrade"] == nil && h["Expect"] == nil
}

// run answers one request after the other. The first one is there.
func (e *express) run() {
	defer e.cancel()
	for e.answer() {
		switch err := e.next(); {
		case errors.Is(err, errNotPlain):
			e.fleet.giveBack(&replay{Conn: e.conn, pending: e.in})
			return
		case err != nil:
			_ = e.conn.Close()
			return
		}
	}
	_ = e.conn.Close()
}

// answer answers req. It is false if there can be no other one after it.
func (e *express) answer() (more bool) {
	s := e.fleet.server
	c := &s.door.counters
	c.requests.Add(1)
	c.inFlight.Add(1)
	e.since.Store(time.Now().UnixNano())
	defer func() {
		c.inFlight.Add(-1)
		e.since.Store(0)
		if v := recover(); v != nil {
			more = false // http.ErrAbortHandler, by recovered
		}
	}()
	e.reply.begin(e.req.Method)
	e.reply.header["X-Content-Type-Options"] = []string{"nosniff"}
	e.pw.begun = false
	func() {
		defer s.recovered(&e.pw, e.req)
		e.to.mount.Serve(&e.pw, e.req, e.to.path, e.to.leaf)
	}()
	if !e.reply.sent {
		e.pw.extend(0)
	}
	return e.reply.finish() == nil && e.ctx.Err() == nil
}

var errNotPlain = errors.New("not a plain request")

// next makes req the next request, which it waits for.
func (e *express) next() error {
	for {
		h, how := parseHead(e.in)
		switch {
		case how == plainly && e.take(h):
			return nil
		case how != partly, len(e.in) == headSpace:
			return errNotPlain
		}
		if err := e.receive(); err != nil {
			return err
		}
	}
}

// take makes req of a head, unless it is not for us.
func (e *express) take(h head) bool {
	to, ok := e.fleet.server.routes.Load().lean(h.path)
	if !ok {
		return false
	}
	if !bytes.Equal(h.fields, e.fields) {
		host, header, ok := parseFields(h.fields)
		if !ok {
			return false
		}
		e.req.Host, e.req.Header = host, header
		e.fields = bytes.Clone(h.fields)
	}
	e.to, e.url = to, url.URL{Path: h.path, RawQuery: h.query}
	e.req.Method, e.req.RequestURI = h.method, h.target
	e.in, e.begun = e.in[h.size:], false
	return true
}

// receive waits for more bytes: for the first of a request as long as a connection
// may be idle, for the others as long as a header may take.
func (e *express) receive() error {
	n := copy(e.space, e.in)
	e.in = e.space[:n]
	if err := e.expire(n > 0); err != nil {
		return err
	}
	if e.fleet.ended.Load() { // looked at after the deadline is set: see drain
		return net.ErrClosed
	}
	k, err := e.conn.Read(e.space[n:])
	e.in = e.space[:n+k]
	if k > 0 {
		return nil
	}
	return err
}

// expire moves the deadline for reading, if need be.
func (e *express) expire(begun bool) error {
	l, now := &e.fleet.server.limits, time.Now()
	switch {
	case begun && e.begun, !begun && e.readBy.After(now.Add(l.Idle)):
		return nil
	case begun:
		e.readBy = now.Add(l.Header)
	default:
		e.readBy = now.Add(l.Idle + idleSlack)
	}
	e.begun = begun
	return e.conn.SetReadDeadline(e.readBy)
}
