package rtc

import "time"

// StreamStats is what became of one stream's packets.
type StreamStats struct {
	Kind  string `json:"kind"` // video, audio
	Layer int8   `json:"layer"`
	// Received counts packets, Duplicates those of them that came twice or too late.
	Received   uint64 `json:"received"`
	Duplicates uint64 `json:"duplicates"`
	// Missing counts packets that did not come in their turn, Recovered those of them
	// that came after they had been asked for, Lost those that never came.
	Missing   uint64 `json:"missing"`
	Recovered uint64 `json:"recovered"`
	Lost      uint64 `json:"lost"`
	// Asked counts packets asked for, with repeats.
	Asked uint64 `json:"asked"`
}

// Stats is what became of the publisher's packets, as of at most a second ago.
func (p *Publisher) Stats() []StreamStats {
	if s := p.stats.Load(); s != nil {
		return *s
	}
	return nil
}

// measure publishes the counters once in a while.
func (p *Publisher) measure(now time.Time) {
	r := &p.receiver
	if now.Sub(r.measured) < time.Second {
		return
	}
	r.measured = now
	all := make([]StreamStats, len(r.layers))
	for i, l := range r.layers {
		all[i] = l.order.counts
		all[i].Kind, all[i].Layer = l.kind.String(), l.index
	}
	p.stats.Store(&all)
}
