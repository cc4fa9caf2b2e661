package httpd

import (
	"net/netip"
	"time"
)

// Limits bound what peers can make the server hold. A zero field means the
// default that [DefaultLimits] has for it.
type Limits struct {
	// Conns is how many connections are open at once; further ones are closed as
	// they are accepted.
	Conns int
	// ConnsPerAddr is the same for one IPv4 address or one IPv6 /64 network.
	ConnsPerAddr int
	// Exempt lists the networks that ConnsPerAddr does not apply to: reverse
	// proxies and this machine itself.
	Exempt []netip.Prefix
	// HeaderBytes bounds a request's header, BodyBytes its body.
	HeaderBytes int
	BodyBytes   int64
	// Header is how long a TLS handshake, and then a request's header, may take in
	// all; Body is the same for a body.
	Header, Body time.Duration
	// Idle is how long a connection may wait for its next request.
	Idle time.Duration
	// MinRate is the least rate in bytes per second at which a peer must take a
	// response, once Stall has passed without any getting through.
	MinRate int
	Stall   time.Duration
	// Drain is how long requests may go on once the server ends.
	Drain time.Duration
}

// DefaultLimits are the limits for a server on the open internet.
func DefaultLimits() Limits {
	return Limits{
		Conns:        16384,
		ConnsPerAddr: 256,
		Exempt:       []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		HeaderBytes:  16 << 10,
		BodyBytes:    1 << 20,
		Header:       5 * time.Second,
		Body:         15 * time.Second,
		Idle:         75 * time.Second,
		MinRate:      16 << 10,
		Stall:        5 * time.Second,
		Drain:        5 * time.Second,
	}
}

// filled replaces zero fields by their defaults.
func (l Limits) filled() Limits {
	d := DefaultLimits()
	orInt := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	orTime := func(v *time.Duration, def time.Duration) {
		if *v == 0 {
			*v = def
		}
	}
	orInt(&l.Conns, d.Conns)
	orInt(&l.ConnsPerAddr, d.ConnsPerAddr)
	orInt(&l.HeaderBytes, d.HeaderBytes)
	orInt(&l.MinRate, d.MinRate)
	orTime(&l.Header, d.Header)
	orTime(&l.Body, d.Body)
	orTime(&l.Idle, d.Idle)
	orTime(&l.Stall, d.Stall)
	orTime(&l.Drain, d.Drain)
	if l.Exempt == nil {
		l.Exempt = d.Exempt
	}
	if l.BodyBytes == 0 {
		l.BodyBytes = d.BodyBytes
	}
	return l
}

// pieceTime is how long n bytes may take to be written.
func (l Limits) pieceTime(n int) time.Duration {
	return l.Stall + time.Duration(n)*time.Second/time.Duration(l.MinRate)
}
