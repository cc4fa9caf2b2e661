package rtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"
	"golang.org/x/sync/errgroup"
)

// Server is the node's end of WebRTC. Use [New].
type Server struct {
	config    Config
	limits    Limits
	log       *slog.Logger
	socket    socket
	tcp       net.Listener
	egress    Egress
	addresses *addresses
	discovery *discovery
	mux       *mux
	streams   *streamMux // nil without TCP
	api       *webrtc.API
	cert      webrtc.Certificate

	halfOpen, conns *gate
	strangers       atomic.Uint64
	refused         atomic.Uint64

	mu         sync.Mutex // guards what follows
	publishers map[*Publisher]struct{}
	closed     bool
	closing    sync.WaitGroup
}

// Stats is a moment of a server's life.
type Stats struct {
	// Publishers are those that there are, HalfOpen of them without media yet.
	Publishers, HalfOpen int
	// Conns are open TCP connections.
	Conns int
	// Strangers counts datagrams of nobody that is known here.
	Strangers uint64
	// Refused counts publishers for whom there was no room.
	Refused uint64
}

// New makes a server on a socket that is open. It answers nobody before [Server.Serve].
func New(c Config) (*Server, error) {
	s := &Server{
		config: c, limits: c.Limits.filled(), log: c.Log,
		socket: newSocket(c.UDP), tcp: c.TCP, egress: c.Egress, discovery: newDiscovery(),
		publishers: make(map[*Publisher]struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.halfOpen = newGate(s.limits.HalfOpen, s.limits.HalfOpenPerAddr)
	s.conns = newGate(s.limits.TCP, s.limits.TCPPerAddr)
	var err error
	if s.addresses, err = newAddresses(c.UDP.LocalAddr(), c.TCP, c.Addresses); err != nil {
		return nil, err
	}
	if s.cert, err = newCertificate(); err != nil {
		return nil, err
	}
	s.mux = newMux(s.socket, s.addresses.own)
	pion := loggers{s.log}
	if c.TCP == nil {
		s.api, err = newAPI(s.mux, nil, pion)
		return s, err
	}
	s.streams = newStreamMux(c.TCP.Addr(), pion.NewLogger("ice"))
	s.api, err = newAPI(s.mux, s.streams, pion)
	return s, err
}

// newCertificate makes the certificate that all publishers see. DTLS-SRTP identifies
// it by the fingerprint in the answer (RFC 8122), so that it needs no name.
func newCertificate() (webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make the DTLS key: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make the DTLS certificate: %w", err)
	}
	return *cert, nil
}

// Serve works until ctx ends, then closes all publishers, the socket and the listener
// and returns nil. It is called once.
func (s *Server) Serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.readUDP(ctx) })
	if s.tcp != nil {
		group.Go(func() error { return s.acceptTCP(ctx) })
	}
	group.Go(func() error { s.discover(ctx); return nil })
	group.Go(func() error {
		<-ctx.Done()
		s.closeAll()
		return s.release()
	})
	return group.Wait()
}

// Close releases the socket of a server that never served.
func (s *Server) Close() error {
	s.closeAll()
	return s.release()
}

func (s *Server) release() error {
	errs := []error{s.mux.Close(), s.config.UDP.Close()}
	if s.tcp != nil {
		errs = append(errs, s.tcp.Close(), s.streams.Close())
	}
	for i, err := range errs {
		if errors.Is(err, net.ErrClosed) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// closeAll closes all publishers and waits for their ends.
func (s *Server) closeAll() {
	s.mu.Lock()
	s.closed = true
	var all []*Publisher
	for p := range s.publishers {
		all = append(all, p)
	}
	s.mu.Unlock()
	for _, p := range all {
		p.End(errServerEnds())
	}
	s.closing.Wait()
}

func errServerEnds() error { return errors.New("the server is shutting down") }

// Stats is the server's present state.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	n := len(s.publishers)
	s.mu.Unlock()
	return Stats{
		Publishers: n, HalfOpen: s.halfOpen.count(), Conns: s.conns.count(),
		Strangers: s.strangers.Load(), Refused: s.refused.Load(),
	}
}

// Candidates are the values of the a= lines that tell a peer, whose signalling comes
// from remote, where this node is reached (RFC 8839 section 5.1).
func (s *Server) Candidates(remote netip.Addr) []string { return s.addresses.candidates(remote) }
