package film

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"weir/pipeline/fmp4"
	"weir/pipeline/media"
	"weir/pipeline/service/store"
	"weir/record/spool"
)

// Options say what is made of a recording.
type Options struct {
	// Layer is the name of the video layer; "" is the one with the largest pictures.
	Layer string
	// Gaps keeps what was missing: the last picture stands until the next one comes. Else
	// what is there follows at once, as a player shows the recording.
	Gaps bool
	// Progress is called with how much of the recording has been looked at; may be nil.
	Progress func(done, all int)
}

// Plan makes films of a recording: one, or as many as it takes. It reads the descriptions
// of all fragments. The films can be read for as long as ctx lives.
func Plan(ctx context.Context, s store.Store, m *spool.Manifest, opts Options) ([]*Film, error) {
	p := &planner{ctx: ctx, store: s, manifest: m, opts: opts, inits: make(map[string]section)}
	if err := p.sections(); err != nil {
		return nil, err
	}
	groups := groupsOf(m.Segments)
	for done := 0; done < len(groups); {
		few := groups[done:min(len(groups), done+parallel)]
		all, err := p.scan(few)
		if err != nil {
			return nil, err
		}
		for i, g := range few {
			p.group(g, all[i])
		}
		done += len(few)
		if opts.Progress != nil {
			opts.Progress(done, len(groups))
		}
	}
	p.cut("")
	if len(p.films) == 0 {
		return nil, errors.New("nothing of the recording is left")
	}
	return p.films, nil
}

// group is the segments with one number: what was at the same time in all renditions.
type group []spool.Segment

func groupsOf(segments []spool.Segment) (all []group) {
	for len(segments) > 0 {
		n := 1
		for n < len(segments) && segments[n].Number == segments[0].Number {
			n++
		}
		all = append(all, group(segments[:n:n]))
		segments = segments[n:]
	}
	return all
}

// section is an initialisation section.
type section struct {
	tracks  []spool.Track
	headers []fmp4.Header
}

// planner makes the films. It belongs to one goroutine.
type planner struct {
	ctx      context.Context //nolint:containedctx // of the one call that it is made for
	store    store.Store
	manifest *spool.Manifest
	opts     Options
	inits    map[string]section // by URI

	films   []*Film
	because string // of the film under way
	flat    *fmp4.Flat
	tracks  map[string]*track // of the film under way, by kind
	pieces  []piece
	size    int64
	began   time.Duration // the film under way

	scene  *scene
	broken bool // something is missing in front of the next group
}

// track is one of the film under way, and what it was made for.
type track struct {
	flat *fmp4.FlatTrack
	like spool.Track
}

// scene is what goes on without a break and with the same parameters.
type scene struct{ lanes map[laneKey]lane }

// laneKey is a track of an initialisation section.
type laneKey struct {
	init   string
	number uint32
}

// lane is the way of a track into the film.
type lane struct {
	track *fmp4.FlatTrack
	entry int
	shift media.Ticks // is taken off all times
	// sets stand in front of key pictures, for players that look at the first description
	// only.
	sets []byte
}

// key is where something of the recording is in the store.
func (p *planner) key(uri string) string { return path.Join(p.manifest.Prefix, "media", uri) }

// group adds what was found in the segments of a group.
func (p *planner) group(g group, found []scanned) {
	if len(found) == 0 {
		p.broken = true
		return
	}
	if p.scene == nil || p.broken || g[0].Discontinuity || p.scene.lacks(found) {
		p.turn(g[0].Start, found)
	}
	p.broken = false
	for _, f := range inOrder(p.inits, found) {
		p.add(f)
	}
}

func (s *scene) lacks(found []scanned) bool {
	for _, f := range found {
		if _, ok := s.lanes[laneKey{f.segment.Init, 1}]; !ok {
			return true
		}
	}
	return false
}

// turn begins another scene, and another film where this one cannot hold it.
func (p *planner) turn(at time.Time, found []scanned) {
	sources := p.sources(found)
	if why := p.unfit(sources); why != "" {
		p.cut(fmt.Sprintf("at %s UTC %s", at.UTC().Format(time.TimeOnly), why))
	}
	start := p.begin(found)
	if p.flat == nil {
		p.flat, p.tracks, p.began = &fmp4.Flat{}, make(map[string]*track), start
	}
	shift := p.began
	if !p.opts.Gaps {
		shift = start - p.flat.Duration()
	}
	p.scene = &scene{lanes: make(map[laneKey]lane)}
	for _, s := range sources {
		t := p.tracks[s.name]
		if t == nil {
			t = &track{p.flat.Track(s.header), s.track}
			p.tracks[s.name] = t
		}
		l := lane{track: t.flat, entry: t.flat.Describe(s.header), shift: s.header.Rate.Ticks(shift)}
		if t.flat.Descriptions() > 1 {
			l.sets = s.header.ParameterSets()
		}
		p.scene.lanes[s.laneKey] = l
	}
}

// begin is when the first of what was found is shown.
func (p *planner) begin(found []scanned) time.Duration {
	first, any := time.Duration(0), false
	for _, s := range found {
		for _, f := range s.fragments {
			for _, r := range f.Runs {
				rate := p.inits[s.segment.Init].rate(r.Number)
				if len(r.Samples) == 0 || rate == 0 {
					continue
				}
				if at := rate.Duration(r.DTS + media.Ticks(int32(r.Samples[0].Composition))); !any || at < first {
					first, any = at, true
				}
			}
		}
	}
	return first
}

func (s section) rate(number uint32) media.Rate {
	for _, h := range s.headers {
		if h.Number == number {
			return h.Rate
		}
	}
	return 0
}

// source is a track that is found in a group.
type source struct {
	laneKey
	name   string // of the track in the film
	header fmp4.Header
	track  spool.Track
}

func (p *planner) sources(found []scanned) (all []source) {
	count := make(map[string]int)
	for _, f := range found {
		sec := p.inits[f.segment.Init]
		for i, h := range sec.headers {
			s := source{laneKey{f.segment.Init, h.Number}, sec.tracks[i].Kind, h, sec.tracks[i]}
			count[s.name]++
			all = append(all, s)
		}
	}
	for i := range all {
		if count[all[i].track.Kind] > 1 {
			all[i].name += " " + all[i].track.ID
		}
	}
	return all
}

// unfit says why the film under way cannot hold the sources; "" if it can.
func (p *planner) unfit(sources []source) string {
	for _, s := range sources {
		t := p.tracks[s.name]
		switch {
		case t == nil:
		case t.like.Codec != s.track.Codec:
			return fmt.Sprintf("%s changes from %s to %s", s.name, t.like.Codec, s.track.Codec)
		case t.like.Rate != s.track.Rate:
			return fmt.Sprintf("%s changes from %d to %d Hz", s.name, t.like.Rate, s.track.Rate)
		case t.like.Channels != s.track.Channels:
			return fmt.Sprintf("%s changes from %d to %d channels", s.name, t.like.Channels, s.track.Channels)
		}
	}
	return ""
}

// add adds a fragment to the film: its payload as it is, but for what the lanes put in
// front of key pictures.
func (p *planner) add(f fragment) {
	runs := slices.SortedFunc(slices.Values(f.Runs), func(a, b fmp4.ScannedRun) int { return cmp.Compare(a.Data, b.Data) })
	start := runs[0].Data
	used := false
	for _, r := range runs {
		l, ok := p.scene.lanes[laneKey{f.init, r.Number}]
		if !ok || len(r.Samples) == 0 {
			continue
		}
		if !used { // the film needs nothing of what is in front
			start, used = r.Data, true
		}
		offset, at := p.size+r.Data-start, r.Data
		for i := range r.Samples {
			s := &r.Samples[i]
			next := at + int64(s.Size)
			if s.Sync && len(l.sets) > 0 {
				p.take(f, start, at)
				p.insert(l.sets)
				start = at
				s.Size += uint32(len(l.sets))
			}
			at = next
		}
		l.track.Add(r.DTS-l.shift, offset, l.entry, r.Samples)
	}
	if used {
		p.take(f, start, f.Size)
	}
}

// take adds what is in a fragment from a place to another.
func (p *planner) take(f fragment, from, to int64) {
	if to > from {
		p.pieces = append(p.pieces, piece{key: p.key(f.uri), from: f.Offset + from, at: p.size, size: to - from})
		p.size += to - from
	}
}

// insert adds what is in no fragment.
func (p *planner) insert(b []byte) {
	p.pieces = append(p.pieces, piece{at: p.size, size: int64(len(b)), literal: b})
	p.size += int64(len(b))
}

// cut ends the film under way, and says why the next one begins.
func (p *planner) cut(because string) {
	if p.size > 0 {
		p.films = append(p.films, &Film{
			Because: p.because, Duration: p.flat.Duration(),
			ctx: p.ctx, store: p.store, head: p.flat.Head(p.size), pieces: p.pieces, size: p.size,
		})
	}
	p.flat, p.tracks, p.pieces, p.size, p.because = nil, nil, nil, 0, because
}
