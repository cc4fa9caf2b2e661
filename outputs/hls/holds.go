package hls

import (
	"net/netip"
	"sync"
)

// holds bounds the requests that wait. The zero holds lets none.
type holds struct {
	perClient, perAddress, total int

	mu        sync.Mutex // guards what follows
	waiting   int
	byClient  map[holdKey]int
	byAddress map[netip.Addr]int
}

// holdKey is one client's claim on one playlist: a connection, since many players
// may share an address.
type holdKey struct {
	client    string // as http.Request.RemoteAddr
	rendition *rendition
}

// The bounds: a player waits for a playlist and for the part that it hints at, and
// may give up on one and ask again.
const (
	holdsPerClient  = 3
	holdsPerAddress = 256
	holdsTotal      = 2000
)

func newHolds() *holds {
	return &holds{
		perClient: holdsPerClient, perAddress: holdsPerAddress, total: holdsTotal,
		byClient: make(map[holdKey]int), byAddress: make(map[netip.Addr]int),
	}
}

// refusal says which bound a request has met.
type refusal uint8

const (
	admitted refusal = iota
	tooManyOfClient
	tooManyAtAll
)

// acquire lets a request wait until release is called, or says why it may not.
func (h *holds) acquire(client string, r *rendition) (release func(), no refusal) {
	key, addr := holdKey{client, r}, networkOf(client)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.waiting >= h.total:
		return nil, tooManyAtAll
	case h.byClient[key] >= h.perClient, addr.IsValid() && h.byAddress[addr] >= h.perAddress:
		return nil, tooManyOfClient
	}
	h.waiting++
	h.byClient[key]++
	if addr.IsValid() {
		h.byAddress[addr]++
	}
	return func() { h.release(key, addr) }, admitted
}

func (h *holds) release(key holdKey, addr netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting--
	if h.byClient[key]--; h.byClient[key] == 0 {
		delete(h.byClient, key)
	}
	if !addr.IsValid() {
		return
	}
	if h.byAddress[addr]--; h.byAddress[addr] == 0 {
		delete(h.byAddress, addr)
	}
}

// networkOf is the IPv4 address or IPv6 /64 network of a client, or the zero Addr
// for this machine, where proxies run.
func networkOf(client string) netip.Addr {
	ap, err := netip.ParseAddrPort(client)
	if err != nil {
		return netip.Addr{}
	}
	a := ap.Addr().Unmap().WithZone("")
	if a.IsLoopback() {
		return netip.Addr{}
	}
	if a.Is6() {
		p, _ := a.Prefix(64) // 64 bits are within the address
		return p.Addr()
	}
	return a
}
