package pipeline

import (
	"net/netip"
	"time"
)

// Reception is a Stage that serves peers: publishers or viewers. Both methods are called
// concurrently with Run and do not wait for the network.
type Reception interface {
	// Sessions lists who is served now.
	Sessions() []Session
	// Dismiss closes a peer's session, telling it why if its protocol can. It says whether
	// there was one of that ID.
	Dismiss(id, why string) bool
}

// Session is one publisher or viewer of a stage.
type Session struct {
	// ID names it and tells nobody how to get at it.
	ID       string
	Protocol string // rtmp, rtmps, whip, whep, hls
	Remote   netip.AddrPort
	Agent    string // what the peer calls itself, bounded; may be ""
	Subject  string // by whose permission it is here; may be ""
	Since    time.Time
	// Bytes is payload in either direction so far; Bitrate in bit/s of late, 0 if unknown.
	Bytes   uint64
	Bitrate int64
	// Detail is for encoding/json, or nil.
	Detail any
}
