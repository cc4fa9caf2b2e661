package record

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"weir/pipeline"
	"weir/pipeline/service/store"
	"weir/record/spool"
)

// Depot holds the spools of a process.
type Depot struct {
	log    *slog.Logger
	follow pipeline.Follower
	herald pipeline.Herald

	mu    sync.Mutex // guards what follows
	boxes map[string]*spool.Box
	keeps []*keeping
}

// keeping is how long the recordings of a pipeline stay.
type keeping struct {
	pattern pipeline.Pattern
	policy  spool.Keep
}

// NewDepot makes one without spools. herald is told what becomes of recordings; it may be
// nil.
func NewDepot(log *slog.Logger, herald pipeline.Herald) *Depot {
	return &Depot{log: log, herald: herald, boxes: make(map[string]*spool.Box)}
}

// Follow has f told of each upload. It is for before the first recording.
func (d *Depot) Follow(f pipeline.Follower) { d.follow = f }

// open is the box of a configuration, which from then on is reached as it says.
func (d *Depot) open(cfg *Config) (*spool.Box, error) {
	dir, err := filepath.Abs(cfg.Spool)
	if err != nil {
		return nil, err
	}
	s, err := cfg.Store.Open()
	if err != nil {
		return nil, err
	}
	opts := cfg.options()
	opts.Log, opts.Keep, opts.Export, opts.Follow = d.log, d.keep, Exports, d.follow
	opts.Tell = func(kind string, r *spool.Recording, data any) { d.herald.Tell(kind, r.Pipeline, r.Stage, data) }
	d.mu.Lock()
	defer d.mu.Unlock()
	key := dir + "\n" + cfg.Store.Address()
	if b := d.boxes[key]; b != nil {
		b.Configure(s, opts)
		return b, nil
	}
	b, err := spool.Open(dir, cfg.Store.Address(), s, opts)
	if err == nil {
		d.boxes[key] = b
	}
	return b, err
}

// keep is how long recordings at a path stay: for ever, where nobody says otherwise.
func (d *Depot) keep(path string) spool.Keep {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.keeps {
		if _, ok := k.pattern.Match(path); ok {
			return k.policy
		}
	}
	return spool.Keep{}
}

// announce opens the spool of a declared recording, and uploads what it finds there.
func (d *Depot) announce(a pipeline.Announcement, cfg *Config) (withdraw func()) {
	k := &keeping{a.Pattern, cfg.Keep.policy()}
	d.mu.Lock()
	d.keeps = append(d.keeps, k)
	d.mu.Unlock()
	if _, err := d.open(cfg); err != nil {
		d.log.Error("recordings cannot be kept", "pipeline", a.Pattern.String(), "error", err)
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for i := range d.keeps {
			if d.keeps[i] == k {
				d.keeps = append(d.keeps[:i:i], d.keeps[i+1:]...)
				return
			}
		}
	}
}

// Shelf is a store that is recorded to.
type Shelf struct {
	Address string
	Store   store.Store
}

// Shelves lists the stores that this process records to, or did, in the order of their
// addresses.
func (d *Depot) Shelves() []Shelf {
	d.mu.Lock()
	defer d.mu.Unlock()
	byAddress := make(map[string]store.Store)
	for key, b := range d.boxes {
		_, address, _ := strings.Cut(key, "\n")
		byAddress[address] = b.Store()
	}
	all := make([]Shelf, 0, len(byAddress))
	for _, address := range slices.Sorted(maps.Keys(byAddress)) {
		all = append(all, Shelf{address, byAddress[address]})
	}
	return all
}

// Stats are the figures of all spools together.
type Stats struct {
	Backlog, Uploaded int64 // bytes
	Objects, Failures int
	OldestSeconds     float64
}

// Stats adds up what all spools report.
func (d *Depot) Stats() (s Stats) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.boxes {
		r := b.Report()
		s.Backlog += r.Backlog
		s.Uploaded += r.Uploaded
		s.Objects += r.Objects
		s.Failures += r.Failures
		s.OldestSeconds = max(s.OldestSeconds, since(r.Oldest))
	}
	return s
}

// Close uploads what the stores take until ctx ends. What is left waits in the spools
// for the next process.
func (d *Depot) Close(ctx context.Context) {
	d.mu.Lock()
	boxes := slices.Collect(maps.Values(d.boxes))
	d.mu.Unlock() // they ask how long to keep what
	var wg sync.WaitGroup
	for _, b := range boxes {
		wg.Go(func() { b.Close(ctx) })
	}
	wg.Wait()
}
