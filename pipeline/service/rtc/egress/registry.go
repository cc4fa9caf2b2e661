package egress

import (
	"net/netip"
	"sync"
)

// registry knows all sessions, and counts what is bounded.
type registry struct {
	limits  Limits
	working sync.WaitGroup // handshakes and TCP connections

	mu         sync.RWMutex
	shut       bool
	sessions   map[*Session]struct{}
	ufrags     map[string]*Session
	half       int                // sessions that are not live yet
	clients    map[netip.Addr]int // of those, by client
	handshakes int
	shakers    map[netip.Addr]int // handshakes by address
	links      map[*link]struct{}
}

func (r *registry) init(l Limits) {
	r.limits = l
	r.sessions = make(map[*Session]struct{})
	r.ufrags = make(map[string]*Session)
	r.clients = make(map[netip.Addr]int)
	r.shakers = make(map[netip.Addr]int)
	r.links = make(map[*link]struct{})
}

// client is whom an address is counted for: an IPv6 user has a /64 at least.
func client(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

// add takes a session in, and its ufrag; false at a limit.
func (r *registry) add(s *Session, ufrag string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	who := s.client
	if r.shut || len(r.sessions) >= r.limits.Sessions || r.half >= r.limits.HalfOpen ||
		who.IsValid() && r.clients[who] >= r.limits.HalfOpenPerClient {
		return ErrBusy
	}
	if r.ufrags[ufrag] != nil {
		return ErrBusy // two of 2^40 at a time: let it be tried again
	}
	r.sessions[s] = struct{}{}
	r.ufrags[ufrag] = s
	r.half++
	if who.IsValid() {
		r.clients[who]++
	}
	return nil
}

// rename exchanges a session's ufrag.
func (r *registry) rename(s *Session, before, after string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ufrags[after] != nil || r.ufrags[before] != s {
		return ErrBusy
	}
	delete(r.ufrags, before)
	r.ufrags[after] = s
	return nil
}

// established counts a session as half-open no more.
func (r *registry) established(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.half--
	release(r.clients, s.client)
}

// remove forgets a session.
func (r *registry) remove(s *Session, ufrag string, live bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sessions, s)
	delete(r.ufrags, ufrag)
	if !live {
		r.half--
		release(r.clients, s.client)
	}
}

// beginHandshake takes a place for a handshake, if there is one. The handshake says
// endHandshake when it is over, and working.Done when all that belongs to it is.
func (r *registry) beginHandshake(from netip.Addr) bool {
	from = client(from)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut || r.handshakes >= r.limits.Handshakes || r.shakers[from] >= r.limits.HandshakesPerAddress {
		return false
	}
	r.handshakes++
	r.shakers[from]++
	r.working.Add(1)
	return true
}

func (r *registry) endHandshake(from netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handshakes--
	release(r.shakers, client(from))
}

// release counts down and forgets those at zero, so that the map stays as small as
// what it counts.
func release(m map[netip.Addr]int, a netip.Addr) {
	if m[a]--; m[a] <= 0 {
		delete(m, a)
	}
}

func (r *registry) byUfrag(ufrag []byte) *Session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ufrags[string(ufrag)]
}

func (r *registry) all() []*Session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*Session, 0, len(r.sessions))
	for s := range r.sessions {
		all = append(all, s)
	}
	return all
}

func (r *registry) count() (live, half int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.sessions) - r.half, r.half
}

// addLink takes a TCP connection in; false when the engine is closed.
func (r *registry) addLink(l *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut {
		return false
	}
	r.links[l] = struct{}{}
	r.working.Add(1)
	return true
}

func (r *registry) removeLink(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.links, l)
	r.working.Done()
}

// close lets nothing in any more and ends TCP connections once they have said what
// they have to say.
func (r *registry) close() {
	r.mu.Lock()
	r.shut = true
	links := make([]*link, 0, len(r.links))
	for l := range r.links {
		links = append(links, l)
	}
	r.mu.Unlock()
	for _, l := range links {
		l.finish()
	}
}
