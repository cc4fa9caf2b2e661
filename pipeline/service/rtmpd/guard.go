package rtmpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// guard stands between a peer and go-rtmp: it is the io.ReadWriteCloser that the
// library takes for its socket. Read yields the commands that concern the
// library's state machine, each encoded anew; Write takes the library's answers
// apart and sends them through the link.
//
// The library reads from one goroutine and writes from another.
type guard struct {
	link   *link
	server *Server
	ticket *ticket
	remote netip.AddrPort
	secure bool
	since  time.Time // from which on Limits.Publish counts

	// rmu is held by whoever reads from the link: Read until a publish is
	// accepted, then Publisher.Recv until it ends. It guards what follows up
	// to the publisher. hello never changes once the library has seen it.
	rmu       sync.Mutex
	hello     hello
	toLibrary []byte
	request   *Request // of the publish command that the library looks at

	publisher atomic.Pointer[Publisher]
	answers   answers // of the library
	closing   sync.Once
	left      chan struct{}         // closed when the connection is
	lastWord  atomic.Pointer[error] // why the connection ended
}

func newGuard(s *Server, l *link, t *ticket, secure bool, since time.Time) *guard {
	g := &guard{link: l, server: s, ticket: t, remote: remote(l.conn), secure: secure, since: since, left: make(chan struct{})}
	g.distrust()
	// The library does the handshake that the peer has already done: with nobody.
	g.toLibrary = make([]byte, 1+2*handshakeSize)
	g.toLibrary[0] = rtmpVersion
	g.toLibrary = appendForLibrary(g.toLibrary, message{typ: typeSetChunkSize, chunk: 2, payload: []byte{0, 0xff, 0xff, 0xff}})
	g.answers.swallow = 1 + 2*handshakeSize
	g.answers.in = newChunkReader(&g.answers.bytes, 4<<10, &s.limits)
	return g
}

var _ io.ReadWriteCloser = (*guard)(nil)

// distrust holds a peer that does not publish to a small budget of bytes, and of
// memory for begun messages.
func (g *guard) distrust() {
	g.link.follow(0)
	budget := g.server.limits.Unpublished
	g.link.in.quota = g.link.in.consumed + uint64(budget)
	g.link.in.maxPartial = min(budget, g.server.limits.Partial)
}

// trust opens the limits of a publisher.
func (g *guard) trust() {
	g.link.in.quota = 0
	g.link.in.maxPartial = g.server.limits.Partial
	g.link.watch(g.server.limits.Idle)
}

// appendForLibrary appends a message in one chunk, which the library accepts
// because its first message from us sets the largest chunk size.
func appendForLibrary(dst []byte, m message) []byte {
	return appendChunks(dst, &m, maxChunkSize)
}

// Read yields bytes of the next command for the library. While a publish is under
// way it waits for its end.
func (g *guard) Read(b []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = g.server.caught(r)
		}
		if err != nil {
			g.ended(err)
		}
	}()
	if p := g.publisher.Load(); p != nil {
		<-p.done
		if err := g.afterPublish(p); err != nil {
			return 0, err
		}
	}
	g.rmu.Lock()
	defer g.rmu.Unlock()
	for len(g.toLibrary) == 0 {
		m, err := g.link.read()
		if err != nil {
			return 0, err
		}
		if m.typ != typeCommand {
			continue // media before a publish: nobody wants it
		}
		if g.toLibrary, err = g.translate(&m); err != nil {
			return 0, err
		}
	}
	n = copy(b, g.toLibrary)
	g.toLibrary = g.toLibrary[n:]
	return n, nil
}

// afterPublish makes the connection ready for another publish, if the peer ended
// this one and stayed.
func (g *guard) afterPublish(p *Publisher) error {
	g.publisher.Store(nil)
	if end := p.end.Load(); end == nil || !errors.Is(*end, errUnpublished) {
		return io.EOF
	}
	g.ticket.publishing(false)
	g.rmu.Lock()
	defer g.rmu.Unlock()
	g.link.resume()
	g.distrust()
	g.since = time.Now()
	return g.link.expire(g.since.Add(g.server.limits.Publish))
}

// translate makes of a peer's command what the library is to see of it: nothing,
// or the same with our own encoding of the arguments that we understand. Keys are
// not among them.
func (g *guard) translate(m *message) ([]byte, error) {
	c, err := parseCommand(m)
	if err != nil {
		return nil, err
	}
	switch c.name {
	case "connect":
		if g.hello.said {
			return nil, errors.New("connect for the second time")
		}
		if g.hello, err = parseConnect(c); err != nil {
			return nil, err
		}
		return appendForLibrary(nil, c.with(Object{{"app", "live"}, {"type", "nonprivate"}})), nil
	case "createStream":
		return appendForLibrary(nil, c.with(nil)), nil
	case "publish":
		g.request = g.newRequest(c)
		return appendForLibrary(nil, c.with(nil, "", "live")), nil
	case "play", "play2":
		c.name = "play"
		return appendForLibrary(nil, c.with(nil, "", 0)), nil
	case "deleteStream":
		return appendForLibrary(nil, c.with(nil, float64(uint32(max(0, min(c.number(1), 1<<31)))))), nil
	default:
		return nil, g.shrug(c)
	}
}

// newRequest is the request that a publish command makes. An address that is not
// valid leaves the path empty and an error behind.
func (g *guard) newRequest(c *command) *Request {
	r := &Request{Remote: g.remote, Secure: g.secure, Encoder: g.hello.encoder, stream: c.stream}
	name := c.text(1)
	if len(name) > maxName {
		r.fault = fmt.Errorf("the stream's name is longer than %d bytes", maxName)
		return r
	}
	at, err := parseAddress(g.hello.app, g.hello.tcURL, name)
	r.Path, r.Key, r.Query, r.fault = at.path, at.key, at.query, err
	return r
}

// shrug answers a command that has no effect here, if the peer wants an answer:
// releaseStream, FCPublish, _checkbw, getStreamLength and the like.
func (g *guard) shrug(c *command) error {
	if c.transaction == 0 || c.name == "_result" || c.name == "_error" || c.name == "onStatus" {
		return nil
	}
	body := appendAMF0(nil, "_result", c.transaction, nil, nil)
	return g.link.write(message{typ: typeCommand, chunk: 3, stream: c.stream, payload: body})
}

// admit is the library's question whether a publish is welcome. ctx ends with the
// server.
func (g *guard) admit(ctx context.Context) error {
	g.rmu.Lock()
	r := g.request
	g.request = nil
	g.rmu.Unlock()
	err := errors.New("publish out of order")
	if r != nil {
		err = g.ask(ctx, r)
	}
	if err != nil {
		g.refuse(err)
	}
	return err
}

// ask asks the Handler.
func (g *guard) ask(ctx context.Context, r *Request) (err error) {
	if r.fault != nil {
		return BadName(r.fault.Error())
	}
	p := newPublisher(g, *r)
	defer func() {
		if r := recover(); r != nil {
			err = g.server.caught(r)
		}
		if err != nil {
			p.finish(err) // the Handler may have given it to somebody
		}
	}()
	ctx, cancel := context.WithDeadline(ctx, g.since.Add(g.server.limits.Publish))
	defer cancel()
	g.trust() // now, because the Handler may have p read from before it returns
	if err := g.server.handle(ctx, p); err != nil {
		return err
	}
	if !g.ticket.publishing(true) {
		return errDisplaced
	}
	g.publisher.Store(p)
	return nil
}

// refuse keeps the words for the library's refusal, which has none of its own.
func (g *guard) refuse(err error) {
	g.server.refused(RefusedPublish, g.remote.Addr(), err)
	var s *StatusError
	if !errors.As(err, &s) {
		s = Failed("the server cannot take the stream now")
	}
	g.answers.refusal.Store(s)
	g.ended(s)
}

// ended notes why the connection ends; the first reason counts.
func (g *guard) ended(err error) { g.lastWord.CompareAndSwap(nil, &err) }

// Close ends the connection. The library calls it when it has nothing more to do.
func (g *guard) Close() error {
	var err error
	g.closing.Do(func() { err = g.close() })
	return err
}

// lingering is how long, and how many bytes, a peer may go on sending after it
// was told something. Closing earlier would reset the connection and could
// destroy what it has not read yet.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

func (g *guard) close() error {
	defer close(g.left)
	defer g.server.ended(g)
	if p := g.publisher.Load(); p != nil {
		p.finish(io.ErrUnexpectedEOF) // no effect if it knows better
	}
	g.link.interrupt()
	g.rmu.Lock() // waits for Recv to notice
	defer g.rmu.Unlock()
	if half, ok := g.link.conn.(interface{ CloseWrite() error }); ok && g.answers.told.Load() && half.CloseWrite() == nil {
		if g.link.conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			_, _ = io.CopyN(io.Discard, g.link.conn, lingerBytes)
		}
	}
	return g.link.conn.Close()
}

// shutdown ends the connection because the server ends.
func (g *guard) shutdown() {
	if p := g.publisher.Load(); p != nil {
		p.Close(Failed("the server is shutting down"))
		return
	}
	_ = g.link.conn.Close()
}
