package rtmpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"weir/pipeline"
)

// Request is what a publisher asks for.
type Request struct {
	// Path is app and stream name: "live/studio". pipeline.ValidPath accepts it.
	Path string
	// Key is what came as "?key=…"; empty if nothing did.
	Key pipeline.Secret
	// Query is all that came behind a "?", raw; empty if nothing did.
	Query pipeline.Secret
	// Remote is the peer's address.
	Remote netip.AddrPort
	// Secure says whether it came by RTMPS.
	Secure bool
	// Encoder is what the peer calls itself (flashVer): at most 64 bytes of any
	// UTF-8.
	Encoder string

	fault  error  // the address is not valid
	stream uint32 // message stream ID of the publish
}

// Handler decides about a publisher and takes it over. It is called on the
// connection's goroutine; ctx ends with the server and with the time that
// Limits.Publish leaves.
//
// If it returns nil the peer is told that it may send, and whoever the Handler
// gave p to must call p.Recv until it fails, or p.Close. If it returns an error
// the peer is refused, with code and words if it is a *[StatusError]; p must not
// be used then.
type Handler func(ctx context.Context, p *Publisher) error

// errUnpublished is the end of a publish by the peer's command.
var errUnpublished = fmt.Errorf("unpublished: %w", io.EOF)

var (
	errDisplaced = errors.New("displaced by newer connections")
	errIdle      = errors.New("nothing arrived")
	errClosed    = errors.New("publisher closed by the server")
)

// Publisher is one accepted publish. Recv is for one goroutine at a time; Close
// may be called by any, at any time.
type Publisher struct {
	request Request
	guard   *guard

	watched <-chan struct{} // the ctx.Done that interrupts reads
	unwatch func() bool
	done    chan struct{} // closed when end is set
	once    sync.Once
	end     atomic.Pointer[error]
}

func newPublisher(g *guard, r Request) *Publisher {
	return &Publisher{request: r, guard: g, done: make(chan struct{})}
}

// Request is what the peer asked for.
func (p *Publisher) Request() Request { return p.request }

// Pace says that what the peer sends may be read up to d late, which is much cheaper
// for many publishers than to read each message as it comes; 0, as in the beginning,
// is at once. It is for the goroutine that calls Recv.
func (p *Publisher) Pace(d time.Duration) { p.guard.link.follow(d) }

// Recv is the next audio, video or data message, read from the connection while
// it waits. It returns io.EOF when the peer ended the publish or closed the
// connection between two messages, ctx's error when ctx ended, after which it may
// be called again with another one, and any other error when the connection
// failed or p was closed.
func (p *Publisher) Recv(ctx context.Context) (m Message, err error) {
	g := p.guard
	g.rmu.Lock()
	defer g.rmu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = g.server.caught(r)
			p.finish(err)
		}
	}()
	p.watch(ctx)
	for {
		if end := p.end.Load(); end != nil {
			return Message{}, p.final(*end)
		}
		if err := ctx.Err(); err != nil {
			return Message{}, err
		}
		raw, err := g.link.read()
		if errors.Is(err, errInterrupted) {
			g.link.resume() // and see above whether that was meant for us
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("%w for %v", errIdle, g.server.limits.Idle)
		}
		if err != nil {
			p.finish(err)
			continue
		}
		if m, ok := p.sort(&raw); ok {
			return m, nil
		}
	}
}

// watch makes the end of ctx interrupt reads. Callers use the same ctx all the
// time, so this mostly does nothing.
func (p *Publisher) watch(ctx context.Context) {
	if done := ctx.Done(); done != p.watched || p.unwatch == nil {
		if p.unwatch != nil {
			p.unwatch()
		}
		p.watched, p.unwatch = done, context.AfterFunc(ctx, p.guard.link.interrupt)
	}
}

// final is what Recv returns at the end.
func (p *Publisher) final(end error) error {
	p.unwatch()
	if errors.Is(end, io.EOF) {
		return io.EOF
	}
	return end
}

// sort deals with a message of the publishing peer, or says to return it.
func (p *Publisher) sort(raw *message) (Message, bool) {
	switch raw.typ {
	case typeCommand:
		p.command(raw)
		return Message{}, false
	case TypeData:
		vs, err := DecodeAMF0(raw.payload)
		if err != nil || len(vs) == 0 {
			return Message{}, false // worth less than the stream
		}
		if vs[0] == "@setDataFrame" {
			raw.payload = raw.payload[3+len("@setDataFrame"):]
		}
		if len(raw.payload) == 0 {
			return Message{}, false
		}
	}
	return Message{Type: raw.typ, Timestamp: raw.timestamp, Payload: raw.payload, Arrived: p.guard.link.arrived}, true
}

// command obeys a command of the publishing peer.
func (p *Publisher) command(m *message) {
	g := p.guard
	c, err := parseCommand(m)
	switch {
	case err != nil:
		p.finish(err)
	case c.endsPublish():
		if g.toLibrary, err = g.translate(m); err != nil {
			p.finish(err)
			return
		}
		p.finish(errUnpublished)
	default:
		if err := g.shrug(c); err != nil {
			p.finish(err)
		}
	}
}

// finish ends the publisher; the first reason counts.
func (p *Publisher) finish(why error) {
	p.once.Do(func() {
		p.end.Store(&why)
		p.guard.ended(why)
		close(p.done)
	})
}

// farewell is how long Close may take to tell the peer.
const farewell = 250 * time.Millisecond

// Close tells the peer why it must stop, in a *[StatusError] or, if why is nil,
// that the publish is over, and closes the connection. It takes no longer than a
// quarter of a second. A waiting Recv returns, as do all later ones, with an
// error that wraps why. Only the first call matters, and none after Recv has
// reported the end.
func (p *Publisher) Close(why error) {
	level, status := "error", (*StatusError)(nil)
	if !errors.As(why, &status) {
		level, status = "status", &StatusError{CodeUnpublish, "The publish has been ended."}
	}
	first := false
	p.once.Do(func() {
		first = true
		end := errClosed
		if why != nil {
			end = fmt.Errorf("%w: %w", errClosed, why)
		}
		p.end.Store(&end)
		p.guard.ended(end)
	})
	if !first {
		return
	}
	l := p.guard.link
	l.interrupt()
	l.hurry(farewell)
	if l.write(message{typ: typeCommand, chunk: 5, stream: p.request.stream, payload: onStatus(level, status.Code, status.Text)}) == nil {
		p.guard.answers.told.Store(true)
	}
	close(p.done)
}
