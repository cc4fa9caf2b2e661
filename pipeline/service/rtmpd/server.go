package rtmpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/yutopp/go-rtmp"
)

// Config is what a Server needs.
type Config struct {
	// Handler decides about publishers. It must not be nil.
	Handler Handler
	// Limits may be zero.
	Limits Limits
	// Log gets panics, failures to accept, and refusals, of which it gets no more
	// than one per reason every ten seconds; nil discards them. Keys are never
	// logged, and accepted publishers are the Handler's to log.
	Log *slog.Logger
}

// Server takes publishers on any number of listeners. Its methods may be called
// by any goroutine.
type Server struct {
	limits Limits
	handle Handler
	log    *slog.Logger
	gate   *gate
	count  counters
	tally  tally
}

// NewServer makes a Server. It starts nothing.
func NewServer(c Config) *Server {
	s := &Server{limits: c.Limits.withDefaults(), handle: c.Handler, log: c.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.gate = newGate(&s.limits, &s.count)
	return s
}

// Stats is a snapshot.
func (s *Server) Stats() Stats {
	var st Stats
	s.gate.fill(&st)
	s.count.fill(&st)
	return st
}

// Serve accepts connections on ln until ctx ends. Then it closes ln and all
// connections that it accepted, publishers with a word, and returns nil when all
// have ended, which takes at most a second or so. Any other return means that ln
// failed.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error { return s.serve(ctx, ln, nil) }

// ServeTLS is Serve for RTMPS.
func (s *Server) ServeTLS(ctx context.Context, ln net.Listener, conf *tls.Config) error {
	return s.serve(ctx, ln, conf)
}

func (s *Server) serve(ctx context.Context, ln net.Listener, conf *tls.Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()

	d, stop := s.startLibrary(ctx)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	return s.accept(ctx, ln, func(c net.Conn, t *ticket) {
		wg.Go(func() { s.receive(ctx, d, c, t, conf) })
	})
}

// startLibrary lets go-rtmp accept from a desk until stop is called. ctx is for
// the Handler.
func (s *Server) startLibrary(ctx context.Context) (d *desk, stop func()) {
	d = newDesk()
	logger, preset := libraryLogger(s.caught), serverName()
	library := rtmp.NewServer(&rtmp.ServerConfig{OnConnect: func(c net.Conn) (io.ReadWriteCloser, *rtmp.ConnConfig) {
		g := c.(*waiting).guard //nolint:forcetypeassert // the desk yields nothing else
		return g, &rtmp.ConnConfig{
			Handler:                   &callbacks{admit: func() error { return g.admit(ctx) }},
			SkipHandshakeVerification: true,
			ControlState: rtmp.StreamControlStateConfig{
				MaxMessageStreams:          maxStreams,
				MaxChunkStreams:            s.limits.ChunkStreams,
				DefaultAckWindowSize:       window,
				DefaultBandwidthWindowSize: window,
			},
			Logger:  logger,
			RPreset: preset,
		}
	}})
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = library.Serve(d) // returns when it is closed, and for no other reason
	}()
	return d, func() {
		_ = library.Close()
		_ = d.Close()
		<-over
	}
}

// receive takes one connection through its handshakes, hands it to the library
// and waits for its end.
func (s *Server) receive(ctx context.Context, d *desk, conn net.Conn, t *ticket, conf *tls.Config) {
	opened, raw := time.Now(), newBeatConn(conn)
	c, err := s.handshake(ctx, raw, conf, opened)
	if err == nil {
		err = raw.SetReadDeadline(opened.Add(s.limits.Publish))
	}
	if err != nil {
		_ = raw.Close()
		if !t.leave() {
			s.refused(RefusedHandshake, remote(raw).Addr(), err)
		}
		return
	}
	l := newLink(c, &s.limits)
	l.pace = raw
	g := newGuard(s, l, t, conf != nil, opened)
	stop := context.AfterFunc(ctx, g.shutdown)
	defer stop()
	if d.offer(ctx, g) {
		<-g.left
		return
	}
	_ = g.Close()
}

// handshake does the TLS and the RTMP handshake in the time for both.
func (s *Server) handshake(ctx context.Context, c net.Conn, conf *tls.Config, opened time.Time) (_ net.Conn, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = s.caught(r)
		}
	}()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if err := c.SetDeadline(opened.Add(s.limits.Handshake)); err != nil {
		return nil, err
	}
	if conf != nil {
		t := tls.Server(c, conf)
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		c = t
	}
	return c, acceptHandshake(c)
}

// ended accounts for a connection that has been closed.
func (s *Server) ended(g *guard) {
	displaced := g.ticket.leave()
	var why error
	if p := g.lastWord.Load(); p != nil {
		why = *p
	}
	var status *StatusError
	var network net.Error
	switch {
	case displaced, why == nil, errors.Is(why, io.EOF), errors.Is(why, errClosed), errors.As(why, &status):
	case errors.Is(why, errIdle):
		s.refused(RefusedIdle, g.remote.Addr(), why)
	case errors.Is(why, os.ErrDeadlineExceeded):
		s.refused(RefusedSlow, g.remote.Addr(), errors.New("no publish in time"))
	case errors.Is(why, io.ErrUnexpectedEOF), errors.As(why, &network):
	default:
		s.refused(RefusedProtocol, g.remote.Addr(), why)
	}
}

// caught counts a panic and makes an error of it.
func (s *Server) caught(r any) error {
	s.count.panics.Add(1)
	s.log.Error("rtmp: caught a panic; its connection is closed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	return fmt.Errorf("internal error: %v", r)
}
