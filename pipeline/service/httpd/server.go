package httpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Server is made from.
type Config struct {
	// TLS, if not nil, makes all listeners speak TLS, with HTTP/2. See [Certificate].
	TLS *tls.Config
	// Log is where the server's own events go; nil discards them.
	Log    *slog.Logger
	Limits Limits
	// Follow, if not nil, is shown each request before it is answered. It returns the
	// request to answer, and what to tell its status afterwards, or nil. See package
	// control/trace.
	Follow func(*http.Request) (*http.Request, func(status int))
}

// Server is the shared HTTP server. Use [New].
type Server struct {
	tls    *tls.Config
	log    *slog.Logger
	limits Limits
	follow func(*http.Request) (*http.Request, func(status int))
	door   *door

	changing sync.Mutex // held by those who change routes
	routes   atomic.Pointer[table]
}

// counters only ever rise, but for inFlight and lean.
type counters struct {
	accepted, refused, refusedAddr, acceptErrors atomic.Uint64
	requests, panics, slow                       atomic.Uint64
	inFlight, lean                               atomic.Int64
}

// Stats is a moment of a server's life. All but Conns, Lean and InFlight are totals
// since it was made.
type Stats struct {
	// Conns are open connections, of at most MaxConns, Lean those of them that ask in bulk (see
	// [Mount].Lean), InFlight requests being answered.
	Conns, MaxConns, Lean, InFlight int
	// Accepted counts connections that were let in; RefusedFull those closed at the
	// limit for all, RefusedAddr those closed at the limit for one address.
	Accepted, RefusedFull, RefusedAddr uint64
	// AcceptErrors counts failures to accept, such as the lack of descriptors.
	AcceptErrors uint64
	// Requests counts requests, Panics handlers that panicked, Slow writes given up
	// because the peer took too little.
	Requests, Panics, Slow uint64
}

// New makes a server without routes.
func New(c Config) *Server {
	s := &Server{tls: c.TLS, log: c.Log, limits: c.Limits.filled(), follow: c.Follow}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.door = &door{limits: &s.limits, byAddr: make(map[netip.Addr]int)}
	s.routes.Store(&table{exact: make(map[string]http.Handler)})
	return s
}

// Stats is the server's present state.
func (s *Server) Stats() Stats {
	c := &s.door.counters
	return Stats{
		Conns:        s.door.conns(),
		MaxConns:     s.limits.Conns,
		Lean:         int(c.lean.Load()),
		InFlight:     int(c.inFlight.Load()),
		Accepted:     c.accepted.Load(),
		RefusedFull:  c.refused.Load(),
		RefusedAddr:  c.refusedAddr.Load(),
		AcceptErrors: c.acceptErrors.Load(),
		Requests:     c.requests.Load(),
		Panics:       c.panics.Load(),
		Slow:         c.slow.Load(),
	}
}

// Serve answers on ln until ctx ends, then closes ln, lets the requests in flight
// finish for up to Limits.Drain, closes what is left and returns nil. Any other
// return is a failure of the listener. It may be called for several listeners.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	bulk := newFleet(s)
	srv := s.httpServer(ctx, bulk)
	bulk.http = srv
	watch, enough := context.WithCancel(ctx)
	var players sync.WaitGroup
	players.Go(func() { bulk.watch(watch) })
	defer players.Wait()
	defer enough()
	gate := &limitListener{Listener: ln, ctx: ctx, log: s.log, door: s.door}
	failed := make(chan error, 1)
	go func() {
		if s.tls != nil {
			failed <- srv.ServeTLS(gate, "", "")
		} else {
			failed <- srv.Serve(gate)
		}
	}()
	select {
	case err := <-failed:
		_ = srv.Close()
		enough()
		bulk.drain(watch)
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Drain)
	defer cancel()
	players.Go(func() { bulk.drain(drain) })
	defer players.Wait() // before cancel
	if err := srv.Shutdown(drain); err != nil {
		s.log.Info("closing connections that did not finish", "in_flight", s.Stats().InFlight)
		_ = srv.Close()
	}
	<-failed
	return nil
}

func (s *Server) httpServer(ctx context.Context, bulk *fleet) *http.Server {
	base := context.WithValue(context.WithoutCancel(ctx), fleetKey{}, bulk) // requests outlive ctx by Limits.Drain
	l := s.limits
	return &http.Server{
		Handler:           s,
		TLSConfig:         s.tls,
		ReadHeaderTimeout: l.Header, // for the TLS handshake too
		IdleTimeout:       l.Idle,
		MaxHeaderBytes:    l.HeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 128,
			SendPingTimeout:      30 * time.Second,
			PingTimeout:          15 * time.Second,
			WriteByteTimeout:     l.pieceTime(piece),
		},
	}
}

// ServeHTTP implements http.Handler, for tests and for other listeners.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.board(w, r) {
		return
	}
	c := &s.door.counters
	c.requests.Add(1)
	c.inFlight.Add(1)
	defer c.inFlight.Add(-1)

	pw := &progressWriter{ResponseWriter: w, ctl: http.NewResponseController(w), limits: &s.limits, slow: &c.slow}
	if s.follow != nil {
		followed, end := s.follow(r)
		if r = followed; end != nil {
			defer func() { end(cmp.Or(pw.status, http.StatusOK)) }()
		}
	}
	limitBody(pw, r)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.TLS != nil && !local(r) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	defer pw.finish()
	defer s.recovered(pw, r)
	s.routes.Load().route(pw, r)
}

// local says whether a request came by this machine's own address. There, other programs
// serve other ports, perhaps without TLS, and RFC 6797 knows no ports.
func local(r *http.Request) bool {
	addr, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return addr != nil && addr.IP.IsLoopback()
}

// recovered turns a handler's panic into a 500, or into a broken connection if a
// response has begun: the peer must not take half of one for a whole.
func (s *Server) recovered(w *progressWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to break a response off
	}
	s.door.panics.Add(1)
	s.log.Error("a request handler panicked", "method", r.Method, "path", r.URL.Path,
		"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if w.begun {
		panic(http.ErrAbortHandler) //nolint:forbidigo // as above
	}
	Problem(w, http.StatusInternalServerError, "internal", "Internal error", "The server failed to answer. The log says why.")
}
