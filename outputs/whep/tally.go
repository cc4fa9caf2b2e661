package whep

import (
	"maps"
	"sync"
	"time"
)

// Why sessions ended.
const (
	endedViewer      = "left"
	endedPeer        = "closed by the viewer"
	endedUnconnected = "never connected"
	endedVanished    = "vanished"
	endedHandshake   = "handshake failed"
	endedStream      = "stream ended"
	endedCodec       = "codec changed"
	endedSlow        = "too slow"
	endedReordered   = "B-frames"
	endedPass        = "permission ended"
	endedDismissed   = "dismissed"
)

// Why viewers were refused, and what was skipped.
const (
	refusedFull     = "refused: viewers"
	refusedBusy     = "refused: engine"
	refusedOverload = "refused: overload"
	refusedCodec    = "refused: codec"
	skippedSlow     = "skipped: slow viewer"
	skippedLate     = "skipped: overload"
)

// tally counts what becomes of viewers.
type tally struct {
	mu      sync.Mutex // guards what follows
	counts  map[string]uint64
	total   uint64
	joined  uint64
	connect time.Duration // the sum
	filled  time.Time     // when it was last made known that there are as many as may be
}

// fullAgain is how often that is made known.
const fullAgain = time.Minute

// full says whether it is time to make known that there are as many viewers as may be.
func (t *tally) full(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.filled) < fullAgain {
		return false
	}
	t.filled = now
	return true
}

func newTally() *tally { return &tally{counts: make(map[string]uint64)} }

func (t *tally) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
}

func (t *tally) opened() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
}

func (t *tally) connected(after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.joined++
	t.connect += after
}

// Status is what the stage shows of itself.
type Status struct {
	// Sessions are those that there are, by state: "connecting", "watching".
	Sessions map[string]int `json:"sessions"`
	// Shards is the number of goroutines that serve them.
	Shards int `json:"shards"`
	// Opened counts sessions since the stage started, Connected those of them that
	// were connected, after MeanConnectMS on average.
	Opened        uint64 `json:"opened"`
	Connected     uint64 `json:"connected"`
	MeanConnectMS int64  `json:"mean_connect_ms"`
	// Counts says why sessions ended or were refused, and how often viewers were
	// skipped to a key picture.
	Counts map[string]uint64 `json:"counts"`
	// Layers says how many are being sent what: by track and layer.
	Layers map[string]int `json:"layers"`
}

func (t *tally) status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Status{Opened: t.total, Connected: t.joined, Counts: maps.Clone(t.counts)}
	if t.joined > 0 {
		s.MeanConnectMS = (t.connect / time.Duration(t.joined)).Milliseconds()
	}
	return s
}
