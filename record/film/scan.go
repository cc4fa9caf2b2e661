package film

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/pipeline/fmp4"
	"weir/pipeline/service/store"
	"weir/record/spool"
)

// parallel is how many segments are looked into at once: it hides the time to a bucket.
const parallel = 8

// scanned is the fragments of a segment.
type scanned struct {
	segment   spool.Segment
	fragments []fmp4.Fragment
}

// fragment is one with the way to it.
type fragment struct {
	fmp4.Fragment
	init, uri string
	time      time.Duration
}

// maxInit bounds an initialisation section, in bytes.
const maxInit = 1 << 20

// sections reads all initialisation sections, of which there are few.
func (p *planner) sections() error {
	layers := make(map[string]bool)
	for _, i := range p.manifest.Inits {
		b, err := p.read(p.key(i.URI), min(i.Bytes, maxInit))
		if err != nil {
			return err
		}
		s := section{tracks: i.Tracks}
		if s.headers, err = fmp4.ReadInit(b); err == nil && len(s.headers) != len(s.tracks) {
			err = errors.New("the manifest says otherwise")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", i.URI, err)
		}
		p.inits[i.URI] = s
		for _, t := range i.Tracks {
			if t.Layer != "" {
				layers[t.Layer] = true
			}
		}
	}
	if l := p.opts.Layer; l != "" && !layers[l] {
		return fmt.Errorf("no layer is called %q; there is %s", l, names(layers))
	}
	return nil
}

func names(set map[string]bool) string {
	if len(set) == 0 {
		return "one without a name"
	}
	var all []string
	for name := range set {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// read reads all of a small object.
func (p *planner) read(key string, size int64) ([]byte, error) {
	r, err := p.store.Get(p.ctx, key, 0, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return b, nil
}

// scan looks for the fragments of what is used of some groups.
func (p *planner) scan(groups []group) ([][]scanned, error) {
	all := make([][]scanned, len(groups))
	work, ctx := errgroup.WithContext(p.ctx)
	work.SetLimit(parallel)
	for i, g := range groups {
		for _, s := range p.choose(g) {
			all[i] = append(all[i], scanned{segment: s})
		}
		for n := range all[i] {
			work.Go(func() (err error) {
				all[i][n].fragments, err = p.fragments(ctx, all[i][n].segment)
				return err
			})
		}
	}
	err := work.Wait()
	return all, err
}

// choose is what is used of a group: one rendition with pictures, and all with sound only.
func (p *planner) choose(g group) (used []spool.Segment) {
	best := -1
	area := func(i int) int {
		t := p.inits[g[i].Init].tracks[0]
		if t.Layer != "" && t.Layer == p.opts.Layer {
			return 1 << 62
		}
		return t.Width * t.Height
	}
	for i, s := range g {
		sec, ok := p.inits[s.Init]
		switch {
		case s.Missing != "" || !ok:
		case sec.tracks[0].Kind != "video":
			used = append(used, s)
		case best < 0 || area(i) > area(best):
			best = i
		}
	}
	if best >= 0 {
		used = slices.Insert(used, 0, g[best])
	}
	return used
}

func (p *planner) fragments(ctx context.Context, s spool.Segment) (all []fmp4.Fragment, err error) {
	key := p.key(s.URI)
	r := &peek{ctx: ctx, store: p.store, key: key, size: s.Bytes}
	good, err := fmp4.Scan(r, s.Bytes, func(f fmp4.Fragment) error {
		all = append(all, f)
		return nil
	})
	if err == nil && good != s.Bytes {
		err = errors.New("it does not end with a fragment")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return all, nil
}

// peek reads an object here and there, a block at a time: a fragment's description
// mostly fits one.
type peek struct {
	ctx   context.Context //nolint:containedctx // of the one scan that it is made for
	store store.Store
	key   string
	size  int64

	from  int64
	block []byte
}

const block = 16 << 10

// ReadAt implements io.ReaderAt, for one goroutine.
func (p *peek) ReadAt(b []byte, at int64) (int, error) {
	end := at + int64(len(b))
	if at < p.from || end > p.from+int64(len(p.block)) {
		want := min(max(int64(len(b)), block), p.size-at)
		r, err := p.store.Get(p.ctx, p.key, at, want)
		if err != nil {
			return 0, err
		}
		p.from, p.block = at, slices.Grow(p.block[:0], int(want))[:want]
		n, err := io.ReadFull(r, p.block)
		p.block = p.block[:n]
		if err := errors.Join(err, r.Close()); err != nil {
			return 0, shorter(p.key, err)
		}
	}
	n := copy(b, p.block[at-p.from:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// inOrder is the fragments of all segments of a group by their times.
func inOrder(inits map[string]section, found []scanned) (all []fragment) {
	for _, s := range found {
		for _, f := range s.fragments {
			if len(f.Runs) == 0 {
				continue
			}
			at := inits[s.segment.Init].rate(f.Runs[0].Number).Duration(f.Runs[0].DTS)
			all = append(all, fragment{f, s.segment.Init, s.segment.URI, at})
		}
	}
	if len(found) > 1 {
		slices.SortStableFunc(all, func(a, b fragment) int { return cmp.Compare(a.time, b.time) })
	}
	return all
}
