package film

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"weir/pipeline/service/store"
)

// Film is one MP4 file with its index in front.
type Film struct {
	// Because says why it begins where it does; "" for the first of a recording.
	Because string
	// Duration is how long it plays.
	Duration time.Duration

	ctx   context.Context //nolint:containedctx // io.ReaderAt has no room for it
	store store.Store
	head  []byte
	// pieces make up the payload, in order.
	pieces []piece
	size   int64
}

// piece is a part of the payload: one that stands together in an object, or one that
// stands nowhere else.
type piece struct {
	key      string
	from     int64 // in the object
	at, size int64 // in the payload
	literal  []byte
}

func (p *piece) end() int64 { return p.at + p.size }

// Size is the length of the file in bytes.
func (f *Film) Size() int64 { return int64(len(f.head)) + f.size }

// ReadAt implements io.ReaderAt. It costs a request for each object that is touched, so
// read much at once.
func (f *Film) ReadAt(b []byte, at int64) (n int, err error) {
	if at < int64(len(f.head)) {
		n = copy(b, f.head[at:])
	}
	for n < len(b) {
		read, err := f.payload(b[n:], at+int64(n)-int64(len(f.head)))
		n += read
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// payload reads what one object holds of b.
func (f *Film) payload(b []byte, at int64) (n int, err error) {
	i := sort.Search(len(f.pieces), func(i int) bool { return f.pieces[i].end() > at })
	if i == len(f.pieces) {
		return 0, io.EOF
	}
	first, last := f.pieces[i], i
	if first.literal != nil {
		return copy(b, first.literal[at-first.at:]), nil
	}
	place := first.from + at - first.at
	end := place // of what is read of the object
	for ; last < len(f.pieces) && f.pieces[last].at < at+int64(len(b)) && goesOn(first, f.pieces[last]); last++ {
		if p := f.pieces[last]; p.literal == nil {
			end = p.from + min(p.size, at+int64(len(b))-p.at)
		}
	}
	r, err := f.store.Get(f.ctx, first.key, place, end-place)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", first.key, err)
	}
	defer r.Close()
	for _, p := range f.pieces[i:last] {
		if p.literal != nil {
			n += copy(b[n:], p.literal)
			continue
		}
		from := p.from + max(0, at-p.at)
		if _, err := io.CopyN(io.Discard, r, from-place); err != nil {
			return n, shorter(p.key, err)
		}
		want := min(p.from+p.size, end) - from
		read, err := io.ReadFull(r, b[n:n+int(want)])
		n += read
		if err != nil {
			return n, shorter(p.key, err)
		}
		place = from + want
	}
	return n, nil
}

// goesOn says whether a piece can be read in the same go as the first one.
func goesOn(first, next piece) bool {
	return next.literal != nil || next.key == first.key && next.from >= first.from
}

// shorter is for an object that ends where it should not.
func shorter(key string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s is shorter than it was: was it replaced?", key)
	}
	return fmt.Errorf("%s: %w", key, err)
}
