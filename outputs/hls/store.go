package hls

import (
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

// store is all that a run of the stage serves. The segmenter writes, any number
// of requests read.
type store struct {
	cfg   Config
	token string // distinguishes the names of this run from those of others
	warn  func(what string, err error)
	seen  *viewers
	// archive is nil without a window.
	archive *archive

	// Where the numbers of a predecessor ended.
	msn, cc   uint64
	continued bool

	form  atomic.Pointer[shape]
	shelf atomic.Pointer[catalogue]
	mu    sync.Mutex // held by who replaces shelf
	gone  bool       // as rendition.gone

	index index
}

// catalogue is what a store has, at one moment. It is immutable.
type catalogue struct {
	renditions []*rendition
	// listings are the entries of the multivariant playlist.
	listings []listing
	next     chan struct{} // closed when there is a newer one, or never will be
}

// listing is a rendition as the multivariant playlist shows it.
type listing struct {
	rendition     *rendition
	kind          media.Kind
	codecs        []string
	width, height int
	fps           float64
	language      string
	id            media.TrackID
	channels      int
}

// newToken is a random word for URLs.
func newToken() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// run is what a run of the stage brings to its store.
type run struct {
	cfg     Config
	token   string
	archive *archive // nil without a window
	warn    func(what string, err error)
}

// newStore makes a store that continues prev, which may be nil: numbers go on, and
// as long as playlists look the same, so do the playlists.
func newStore(r run, prev *store) *store {
	st := &store{cfg: r.cfg, token: r.token, archive: r.archive, warn: r.warn, seen: newViewers()}
	first := &catalogue{next: make(chan struct{})}
	if prev != nil {
		st.continued = true
		st.seen = prev.seen
		st.msn, st.cc = prev.last()
		if prev.cfg.lowLatency() == st.cfg.lowLatency() && prev.cfg.fmp4() == st.cfg.fmp4() {
			st.form.Store(prev.shape())
			first.inherit(prev.shelf.Load(), st.adopt)
		}
	}
	st.shelf.Store(first)
	return st
}

// last are the highest numbers that any rendition has used.
func (st *store) last() (msn, cc uint64) {
	msn, cc = st.msn, st.cc
	for _, r := range st.shelf.Load().renditions {
		if all := r.load().segments; len(all) > 0 {
			msn, cc = max(msn, all[len(all)-1].msn), max(cc, all[len(all)-1].cc)
		}
	}
	return msn, cc
}

// inherit takes over what old lists, each rendition as adopt makes it.
func (c *catalogue) inherit(old *catalogue, adopt func(*rendition) *rendition) {
	for _, r := range old.renditions {
		c.renditions = append(c.renditions, adopt(r))
	}
	for _, l := range old.listings {
		i := slices.Index(old.renditions, l.rendition)
		l.rendition = c.renditions[i]
		c.listings = append(c.listings, l)
	}
}

// adopt makes a rendition that goes on where old ended.
func (st *store) adopt(old *rendition) *rendition {
	r := st.make(old.names.rendition)
	was := old.load()
	now := &snapshot{
		rendition: r, shape: was.shape, segments: was.segments, from: was.from, next: make(chan struct{}),
	}
	if st.archive == nil {
		// Without a window, what is on disk is no longer there.
		for len(now.segments) > 0 && now.segments[0].parts == nil {
			now.segments, now.from = now.segments[1:], max(0, now.from-1)
		}
	}
	r.now.Store(now)
	return r
}

// files are the names of all segments that a successor may take over.
func (st *store) files() map[string]bool {
	names := make(map[string]bool)
	for _, r := range st.shelf.Load().renditions {
		for _, seg := range r.load().segments {
			names[seg.name] = true
		}
	}
	return names
}

// yield leaves the window's files to a successor, or deletes them. Nothing is
// written any more.
func (st *store) yield(to *store) {
	switch {
	case st.archive == nil:
	case to != nil && to.archive != nil && to.cfg.Directory == st.cfg.Directory:
		st.archive.root.Close()
	default:
		st.archive.remove()
	}
}

func (st *store) make(name string) *rendition {
	ext := chunkExt
	if !st.cfg.fmp4() {
		ext = tsExt
	}
	r := newRendition(namer{rendition: name, token: st.token, ext: ext})
	r.keep, r.archive = st.cfg.retention(), st.archive
	r.others = func() []*rendition { return st.shelf.Load().renditions }
	r.warn = st.warn
	if sh := st.shape(); sh != nil {
		r.setShape(sh)
	}
	return r
}

// rendition is the rendition of that name, made if need be. Only the segmenter
// calls it.
func (st *store) rendition(name string) *rendition {
	if r := st.find(name); r != nil {
		return r
	}
	r := st.make(name)
	st.change(func(c *catalogue) { c.renditions = append(slices.Clone(c.renditions), r) })
	return r
}

// find is the rendition of that name, or nil.
func (st *store) find(name string) *rendition {
	all := st.shelf.Load().renditions
	if i := slices.IndexFunc(all, func(r *rendition) bool { return r.names.rendition == name }); i >= 0 {
		return all[i]
	}
	return nil
}

func (st *store) shape() *shape { return st.form.Load() }

func (st *store) setShape(sh *shape) {
	st.form.Store(sh)
	for _, r := range st.shelf.Load().renditions {
		r.setShape(sh)
	}
}

// list publishes the entries of the multivariant playlist for the timeline that
// starts at b.
func (st *store) list(lanes []*lane, b boundary) {
	var ls []listing
	var riding []string
	for _, l := range lanes {
		if t := b.starts[l]; t != nil && l.passenger {
			riding = append(riding, codecString(t, 0)...)
		}
	}
	for _, l := range lanes {
		t := b.starts[l]
		if t == nil || l.passenger {
			continue
		}
		e := listing{
			rendition: st.rendition(l.name), kind: l.kind, id: t.ID, codecs: codecString(t, l.layer),
			language: t.Language, channels: t.Channels,
		}
		if l.kind == media.KindVideo {
			e.width, e.height = fmp4.Size(t, l.layer)
			e.fps = t.Layers[l.layer].FPS
			e.codecs = append(e.codecs, riding...)
		}
		ls = append(ls, e)
	}
	st.change(func(c *catalogue) { c.listings = ls })
}

func codecString(t *media.Track, layer int8) []string {
	s, err := bitstream.CodecString(t, layer)
	if err != nil {
		return nil
	}
	return []string{s}
}

// change replaces the catalogue by f of a copy of it and wakes who waits.
func (st *store) change(f func(*catalogue)) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.gone {
		return
	}
	old := st.shelf.Load()
	c := &catalogue{renditions: old.renditions, listings: old.listings, next: make(chan struct{})}
	f(c)
	st.shelf.Store(c)
	close(old.next)
}

// end publishes that the stream is over.
func (st *store) end() {
	for _, r := range st.shelf.Load().renditions {
		r.end()
	}
}

// ended says whether the stream is over.
func (st *store) ended() bool {
	all := st.shelf.Load().renditions
	return len(all) > 0 && all[0].load().ended
}

// retire wakes everybody who waits for something that will not come.
func (st *store) retire() {
	for _, r := range st.shelf.Load().renditions {
		r.retire()
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.gone {
		st.gone = true
		close(st.shelf.Load().next)
	}
}
