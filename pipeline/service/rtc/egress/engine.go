package egress

import (
	"context"
	"net"
	"net/netip"
)

// Engine is one ICE-lite endpoint for all viewers. Its methods may be called from
// any goroutine.
type Engine struct{ limits Limits }

// New makes an engine. It fails only if the certificate is of no use.
func New(c Config) (*Engine, error) { return &Engine{limits: c.Limits.orDefaults()}, nil }

// Run ends sessions that have run out of time, until ctx is cancelled; then it
// closes all sessions and returns nil. Called once.
func (e *Engine) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Fingerprint is the value of the a=fingerprint line: "sha-256 0A:1B:…".
func (e *Engine) Fingerprint() string { return "" }

// Owns says whether ufrag is that of a session here.
func (e *Engine) Owns(ufrag string) bool { return false }

// Attach makes a socket known. The engine writes to it (a *net.UDPConn by batches)
// and never closes or reads it.
func (e *Engine) Attach(conn net.PacketConn) *Socket { return &Socket{} }

// HandleTCP serves a TCP connection of a viewer until it ends, and closes it.
// first is its first frame, without the length, which the caller has read.
func (e *Engine) HandleTCP(conn net.Conn, first []byte) {}

// Ufrag is the receiver's ufrag in a STUN binding request: the part of USERNAME
// before the colon (RFC 8445 section 7.2.2). It is "" if datagram is no such
// request. It checks nothing else.
func Ufrag(datagram []byte) string { return "" }

// Socket is one attached socket.
type Socket struct{}

// Handle takes one datagram that the socket received. It reports false, and has
// done nothing, if the datagram belongs to no session here: then it is for somebody
// else. It does not keep datagram, blocks on nothing, and may be called from
// several goroutines.
func (s *Socket) Handle(datagram []byte, from netip.AddrPort) bool { return false }
