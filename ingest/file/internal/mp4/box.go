package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxMoov bounds the moov box, in bytes: a hundred hours of picture and sound.
const MaxMoov = 128 << 20

// ErrMalformed is matched by every error about a file that breaks its own format.
var ErrMalformed = errors.New("malformed MP4")

// box is a box's content.
type box []byte

// next splits the first box off b.
func (b box) next() (name string, content, rest box, err error) {
	if len(b) < 8 {
		return "", nil, nil, fmt.Errorf("%w: %d bytes where a box should be", ErrMalformed, len(b))
	}
	size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
	switch {
	case size == 1 && len(b) >= 16:
		size, head = binary.BigEndian.Uint64(b[8:]), 16
	case size == 0:
		size = uint64(len(b))
	}
	name = string(b[4:8])
	if size < head || size > uint64(len(b)) {
		return "", nil, nil, fmt.Errorf("%w: box %q of %d bytes", ErrMalformed, name, size)
	}
	return name, b[head:size], b[size:], nil
}

// each calls f for every box in b. Up to seven bytes behind the last are ignored,
// as some writers end with a 32-bit zero.
func (b box) each(f func(name string, content box) error) error {
	for len(b) >= 8 {
		name, content, rest, err := b.next()
		if err != nil {
			return err
		}
		if err := f(name, content); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// child is the content of the first box on the path, or nil.
func (b box) child(path ...string) box {
	for _, want := range path {
		var found box
		for len(b) >= 8 && found == nil {
			name, content, rest, err := b.next()
			if err != nil {
				return nil
			}
			if name == want {
				found = content[:len(content):len(content)]
			}
			b = rest
		}
		if b = found; b == nil {
			return nil
		}
	}
	return b
}

// u32 is the number at that offset, or 0 behind the end.
func (b box) u32(at int) uint32 {
	if at+4 > len(b) {
		return 0
	}
	return binary.BigEndian.Uint32(b[at:])
}

// u64 is the number at that offset, or 0 behind the end.
func (b box) u64(at int) uint64 {
	if at+8 > len(b) {
		return 0
	}
	return binary.BigEndian.Uint64(b[at:])
}

// version is the first byte of a full box.
func (b box) version() byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// table is the entries of a full box that has their number at offset at and the
// entries behind it.
func (b box) table(name string, at, entry int) (box, error) {
	n := uint64(b.u32(at))
	if len(b) < at+4 || n*uint64(entry) > uint64(len(b)-at-4) {
		return nil, fmt.Errorf("%w: %s claims %d entries", ErrMalformed, name, n)
	}
	return b[at+4:][:n*uint64(entry)], nil
}

// findMoov reads the moov box of a file of that many bytes.
func findMoov(r io.ReaderAt, size int64) (box, error) {
	var head [16]byte
	for at := int64(0); at+8 <= size; {
		n, err := r.ReadAt(head[:], at)
		if n < 8 {
			return nil, fmt.Errorf("read box: %w", err)
		}
		length, skip := int64(binary.BigEndian.Uint32(head[:])), int64(8)
		switch {
		case length == 1 && n == 16:
			length, skip = int64(binary.BigEndian.Uint64(head[8:])), 16
		case length == 0:
			length = size - at
		}
		name := string(head[4:8])
		if length < skip || length > size-at {
			return nil, fmt.Errorf("%w: box %q of %d bytes at %d", ErrMalformed, name, length, at)
		}
		if name == "moov" {
			if length > MaxMoov {
				return nil, fmt.Errorf("moov of %d bytes; at most %d are read", length, MaxMoov)
			}
			b := make(box, length-skip)
			if _, err := r.ReadAt(b, at+skip); err != nil {
				return nil, fmt.Errorf("read moov: %w", err)
			}
			return b, nil
		}
		at += length
	}
	return nil, fmt.Errorf("%w: no moov box", ErrMalformed)
}
