package hls

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/pipeline/invariants"
)

// shape is what all media playlists of a store have in common for as long as it
// lives. It is immutable.
type shape struct {
	// target is TARGETDURATION in seconds.
	target int
	// part is the longest that a part gets; PART-TARGET if playlists list parts.
	part  time.Duration
	parts bool
	// version is EXT-X-VERSION.
	version int
}

// rendition is one media playlist and what it names. One goroutine publishes, any
// number reads.
type rendition struct {
	names namer
	keep  retention
	// warn reports what went wrong, a few words first.
	warn    func(what string, err error)
	archive *archive // nil without a window
	// others are all renditions of the store, for the reports.
	others func() []*rendition

	now   atomic.Pointer[snapshot]
	mu    sync.Mutex // held by who replaces now
	gone  bool       // nothing will be published any more
	parts uint64     // made so far
}

// retention is how much stays.
type retention struct {
	// live is the number of segments that a playlist lists, without a window.
	live int
	// spare is how many more stay behind them, for players with an older playlist.
	spare int
	// bytes bounds what is in memory, but for the newest three segments.
	bytes int64
	// window is how far a playlist reaches back if there is an archive.
	window time.Duration
}

func newRendition(names namer) *rendition {
	r := &rendition{names: names}
	r.now.Store(&snapshot{rendition: r, next: make(chan struct{})})
	return r
}

func (r *rendition) load() *snapshot { return r.now.Load() }

func (r *rendition) nextPart() uint64 {
	r.parts++
	return r.parts - 1
}

// change replaces the snapshot by f of a copy of it and wakes who waits.
func (r *rendition) change(f func(*snapshot)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return
	}
	old := r.now.Load()
	s := &snapshot{
		rendition: r, shape: old.shape, segments: old.segments, from: old.from,
		open: old.open, ended: old.ended, hint: r.parts, next: make(chan struct{}),
	}
	f(s)
	r.now.Store(s)
	close(old.next)
}

// retire wakes everybody who waits for something that will not come.
func (r *rendition) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.gone {
		r.gone = true
		close(r.now.Load().next)
	}
}

func (r *rendition) setShape(s *shape) { r.change(func(n *snapshot) { n.shape = s }) }

func (r *rendition) publishPart(seg segment) {
	r.change(func(n *snapshot) { n.open = &seg })
}

func (r *rendition) publishSegment(seg segment) {
	if r.archive != nil && seg.gap == "" {
		r.archive.write(&seg)
	}
	r.change(func(n *snapshot) {
		n.open = nil
		if k := len(n.segments); k > 0 {
			last := n.segments[k-1].msn
			invariants.Assert(seg.msn == last+1, "segment %s comes behind number %d", seg.name, last)
		}
		n.segments = append(slices.Clone(n.segments), &seg)
		memory := n.memory(r.keep)
		if r.archive != nil {
			n.demote(memory, r.archive)
			r.archive.forget(n.slide(r.keep, r.archive.over())...)
			return
		}
		n.from = max(n.from, len(n.segments)-r.keep.live, memory)
		n.segments, n.from = n.segments[memory:], n.from-memory
	})
}

// end publishes that there will be no more.
func (r *rendition) end() {
	r.change(func(n *snapshot) { n.open, n.ended = nil, true })
}

// snapshot is the state of a rendition between two parts. It is immutable but for
// what is rendered from it.
type snapshot struct {
	rendition *rendition
	// shape is nil until the first segment of the lead is complete.
	shape *shape
	// segments are complete and without holes in their numbers, oldest first. The
	// playlist starts at index from; those before are still served.
	segments []*segment
	from     int
	// open is the segment under way with its parts so far, or nil.
	open  *segment
	ended bool
	// hint is the number of the part that comes next.
	hint uint64
	// next is closed when there is a newer snapshot, or never will be.
	next chan struct{}

	plain, delta body
}

// memory is the index of the first segment whose bytes stay in memory.
func (s *snapshot) memory(keep retention) int {
	first := max(0, len(s.segments)-keep.live-keep.spare)
	var held int64
	for i := len(s.segments) - 1; i >= first; i-- {
		if held += s.segments[i].held; held > keep.bytes && i < len(s.segments)-3 {
			return i + 1
		}
	}
	return first
}

// demote takes the bytes of the segments before index first out of memory. What is
// not on disk by now becomes a gap.
func (s *snapshot) demote(first int, a *archive) {
	for i := first - 1; i >= 0; i-- {
		seg := *s.segments[i]
		if seg.gap != "" {
			if seg.parts != nil {
				seg.parts, seg.held = nil, 0
				s.segments[i] = &seg
			}
			continue
		}
		if seg.parts == nil {
			return // and so are those before it
		}
		seg.parts = nil
		if !a.has(seg.name) {
			seg.gap = "not on disk in time"
		}
		s.segments[i] = &seg
	}
}

// slide moves the start of the playlist along with its window, and further to save
// so many bytes. It returns the names of the files that are no longer needed.
func (s *snapshot) slide(keep retention, save int64) []string {
	newest := s.segments[len(s.segments)-1]
	end := newest.start.Add(newest.duration)
	spare := keep.spare
	if save > 0 {
		for _, seg := range s.segments[:s.from] {
			save -= seg.bytes
		}
		spare = 0
	}
	for s.from < len(s.segments)-keep.live && (save > 0 || end.Sub(s.segments[s.from].start) > keep.window) {
		save -= s.segments[s.from].bytes
		s.from++
	}
	var gone []string
	cut := max(0, s.from-spare)
	for _, seg := range s.segments[:cut] {
		gone = append(gone, seg.name)
	}
	s.segments, s.from = s.segments[cut:], s.from-cut
	return gone
}

// listed are the complete segments that the playlist shows.
func (s *snapshot) listed() []*segment { return s.segments[s.from:] }

// ready says whether there is a playlist to show.
func (s *snapshot) ready() bool { return s.shape != nil && len(s.listed()) > 0 }

// newest is the segment under way, if it has a part, or else the last complete one.
// There is one in a snapshot that is ready.
func (s *snapshot) newest() *segment {
	if s.open != nil {
		return s.open
	}
	return s.segments[len(s.segments)-1]
}

// bySegment finds the segment of that number and name.
func (s *snapshot) bySegment(msn uint64, name string) *segment {
	if len(s.segments) == 0 {
		return nil
	}
	first := s.segments[0].msn
	if msn < first || msn-first >= uint64(len(s.segments)) || s.segments[msn-first].name != name {
		return nil
	}
	return s.segments[msn-first]
}

// byPart finds a part of this run or, as long as its segment is there, of an earlier
// one: players that have just read of it are about to fetch it.
func (s *snapshot) byPart(token string, number uint64) *part {
	if s.open != nil && s.open.token == token {
		if p := s.open.part(number); p != nil {
			return p
		}
	}
	for _, seg := range slices.Backward(s.segments) {
		if seg.token != token {
			continue
		}
		if len(seg.parts) > 0 && seg.parts[len(seg.parts)-1].number < number {
			return nil
		}
		if p := seg.part(number); p != nil {
			return p
		}
	}
	return nil
}

func (s *segment) part(number uint64) *part {
	if s == nil || len(s.parts) == 0 || number < s.parts[0].number || number-s.parts[0].number >= uint64(len(s.parts)) {
		return nil
	}
	return s.parts[number-s.parts[0].number]
}

// byInitName finds an initialisation section of that name.
func (s *snapshot) byInitName(name string) *section {
	if s.open != nil && s.open.init != nil && s.open.init.name == name {
		return s.open.init
	}
	for _, seg := range slices.Backward(s.segments) {
		if seg.init != nil && seg.init.name == name {
			return seg.init
		}
	}
	return nil
}
