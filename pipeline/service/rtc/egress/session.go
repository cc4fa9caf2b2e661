package egress

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ErrBusy is returned by Open where a limit is reached.
var ErrBusy = errors.New("egress: too many sessions")

// errGone is returned by what needs a session that has not ended.
var errGone = errors.New("egress: session has ended")

// State is how far a session has come.
type State uint32

// The states.
const (
	Opened  State = iota + 1 // no valid check yet
	Checked                  // a pair is valid, the handshake is not done
	Live                     // connected
	Gone                     // closed
)

// String is the state's name.
func (s State) String() string {
	names := [...]string{"unknown", "opened", "checked", "live", "gone"}
	if int(s) >= len(names) {
		return names[0]
	}
	return names[s]
}

// Session is one viewer. Its methods may be called from any goroutine, except
// Stream.
type Session struct {
	engine       *Engine
	sender       *Sender
	client       netip.Addr
	fingerprints []fingerprint
	opened       time.Duration

	state   atomic.Uint32
	path    atomic.Pointer[path] // where media goes; nil until the first valid check
	settled atomic.Bool          // the viewer has the keys: it has sent SRTCP
	counted counters

	// mu guards ICE and the DTLS association.
	mu          sync.Mutex
	local       Credentials
	remoteUfrag string
	paths       []*path // the newest last
	association *association
	parked      *parked
	told        bool // the viewer may be told that the session has ended

	// keysMu guards what comes from the viewer; keys are set once, before Live.
	keysMu  sync.Mutex
	inbound inbound

	// outbound belongs to the shard, from the Connected event on.
	outbound
}

// newCredentials makes a ufrag of 40 bits and a password of 130 (RFC 8445 section
// 5.3 asks for 24 and 128).
func newCredentials() Credentials {
	return Credentials{Ufrag: "w" + strings.ToLower(rand.Text()[:8]), Password: rand.Text()}
}

// Credentials are what the SDP answer says.
func (s *Session) Credentials() Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.local
}

// Restart gives the session new credentials, for an ICE restart (RFC 8445 section
// 9). Media keeps its way until a check under the new ones nominates another.
func (s *Session) Restart(remoteUfrag string) (Credentials, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.State() == Gone {
		return Credentials{}, errGone
	}
	fresh := newCredentials()
	if err := s.engine.registry.rename(s, s.local.Ufrag, fresh.Ufrag); err != nil {
		return Credentials{}, err
	}
	s.local, s.remoteUfrag = fresh, remoteUfrag
	return fresh, nil
}

// State is how far the session has come.
func (s *Session) State() State { return State(s.state.Load()) }

// Close ends the session, if it has not ended: the viewer is told by DTLS, the
// Sender by an event.
func (s *Session) Close() { s.end(ByOwner) }

// expire ends the session if its time is over.
func (s *Session) expire(now time.Duration) {
	limits := &s.engine.limits
	switch s.State() {
	case Opened, Checked:
		if now-s.opened >= limits.Connect {
			s.end(NoConnect)
		}
	case Live:
		s.mu.Lock()
		last := int64(0)
		for _, p := range s.paths {
			last = max(last, p.checked)
		}
		s.mu.Unlock()
		if now-time.Duration(last) >= limits.Consent {
			s.end(NoConsent)
		}
	case Gone:
	}
}

// end ends the session. The first reason stands.
func (s *Session) end(why Reason) {
	s.mu.Lock()
	before := s.State()
	if before == Gone {
		s.mu.Unlock()
		return
	}
	s.state.Store(uint32(Gone))
	ufrag, paths, association, parked := s.local.Ufrag, s.paths, s.association, s.parked
	s.paths, s.association, s.parked = nil, nil, nil
	// Without consent nothing may be sent, not even a farewell (RFC 7675 section 5.1).
	s.told = why != NoConsent && why != NoConnect
	told := s.told
	s.mu.Unlock()

	s.engine.registry.remove(s, ufrag, before == Live)
	way := s.path.Load()
	switch {
	case association != nil:
		association.stop(told)
	case parked != nil && way != nil && told:
		way.write(parked.farewell)
	}
	for _, p := range paths {
		p.leave(s)
	}
	s.sender.mailbox.closed(s, why)
	st := s.Stats()
	s.engine.log.Debug("viewer left", "ufrag", ufrag, "reason", why.String(), "packets", st.Packets,
		"nacked", st.Nacked, "retransmitted", st.Retransmitted, "over_budget", st.OverBudget, "rtt", st.RTT.Round(time.Millisecond))
}

// leave takes the path out of use.
func (p *path) leave(s *Session) {
	if p.link != nil {
		p.link.finish()
		return
	}
	p.socket.forget(p.addr, s)
}

// handle takes what came from a validated address and is no check.
func (s *Session) handle(k kind, datagram []byte, from origin) {
	switch k {
	case kindDTLS:
		s.handleDTLS(datagram, from)
	case kindRTCP:
		s.handleRTCP(datagram, from)
	case kindSTUN, kindRTP, kindOther: // indications; a viewer has no media to send
	}
}

// Stats is a snapshot of the session's counters.
func (s *Session) Stats() Stats {
	c := &s.counted
	st := Stats{
		State:         s.State(),
		Packets:       c.packets.Load(),
		Bytes:         c.bytes.Load(),
		Dropped:       c.dropped.Load(),
		Nacked:        c.nacked.Load(),
		Retransmitted: c.retransmitted.Load(),
		OverBudget:    c.overBudget.Load(),
		Keyframes:     c.keyframes.Load(),
		RTT:           time.Duration(c.rtt.Load()),
		Connect:       time.Duration(c.connect.Load()),
	}
	if p := s.path.Load(); p != nil {
		st.Remote, st.TCP = p.addr, p.link != nil
	}
	if name := c.profile.Load(); name != nil {
		st.Profile = *name
	}
	return st
}

// Stats are the counters of one session.
type Stats struct {
	State   State
	Remote  netip.AddrPort // where media goes; zero if nowhere yet
	TCP     bool
	Profile string // of SRTP, as IANA names it; "" until connected
	// Connect is the time from Open to the end of the DTLS handshake.
	Connect                           time.Duration
	Packets, Bytes                    uint64 // sent, retransmissions included; bytes of SRTP
	Dropped                           uint64 // packets that a full TCP queue refused
	Nacked, Retransmitted, OverBudget uint64 // packets: asked for, sent again, refused
	Keyframes                         uint64 // PLI and FIR received
	RTT                               time.Duration
}

type counters struct {
	packets, bytes, dropped           atomic.Uint64
	nacked, retransmitted, overBudget atomic.Uint64
	keyframes                         atomic.Uint64
	rtt, connect                      atomic.Int64
	profile                           atomic.Pointer[string]
}
