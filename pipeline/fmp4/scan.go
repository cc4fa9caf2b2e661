package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"weir/pipeline/media"
)

// Fragment is a movie fragment that is there as a whole.
type Fragment struct {
	// Offset and Size say where it is in the file, in bytes.
	Offset, Size int64
	Runs         []ScannedRun
}

// ScannedRun is what a fragment holds of one track.
type ScannedRun struct {
	Number  uint32
	DTS     media.Ticks // of the first sample
	Data    int64       // where the first sample is, within the fragment
	Samples []ScannedSample
}

// ScannedSample describes a sample.
type ScannedSample struct {
	Duration, Size uint32
	Composition    uint32 // PTS - DTS
	Sync           bool
}

// Duration is how long the samples last, in ticks of the track.
func (r *ScannedRun) Duration() media.Ticks {
	var d media.Ticks
	for _, s := range r.Samples {
		d += media.Ticks(s.Duration)
	}
	return d
}

// maxMoof bounds the description of a fragment, in bytes.
const maxMoof = 4 << 20

var errShape = errors.New("this is no fragment that Weir writes")

// Scan calls found for each complete fragment of a file, in order, and returns how many
// bytes of the file they are: what follows was not written to its end. It fails if found
// does, or for what is no fragment of ours.
func Scan(r io.ReaderAt, size int64, found func(Fragment) error) (good int64, err error) {
	for good < size {
		moof, err := boxAt(r, size, good, "moof")
		if err != nil || moof == 0 {
			return good, err
		}
		if moof > maxMoof {
			return good, errShape
		}
		mdat, err := boxAt(r, size, good+moof, "mdat")
		if err != nil || mdat == 0 {
			return good, err
		}
		head := make([]byte, moof)
		if _, err := r.ReadAt(head, good); err != nil {
			return good, fmt.Errorf("read a fragment: %w", err)
		}
		f := Fragment{Offset: good, Size: moof + mdat}
		if f.Runs, err = runs(head[boxHeader:], f.Size); err != nil {
			return good, err
		}
		if err := found(f); err != nil {
			return good, err
		}
		good += f.Size
	}
	return good, nil
}

// boxAt is the size of the box at an offset, which has to be of that kind; 0 if it is
// not there as a whole.
func boxAt(r io.ReaderAt, size, at int64, kind string) (int64, error) {
	if size-at < boxHeader {
		return 0, nil
	}
	var b [boxHeader]byte
	if _, err := r.ReadAt(b[:], at); err != nil {
		return 0, fmt.Errorf("read a box: %w", err)
	}
	n := int64(binary.BigEndian.Uint32(b[:]))
	switch {
	case string(b[4:]) != kind || n < boxHeader:
		return 0, errShape
	case n > size-at:
		return 0, nil
	}
	return n, nil
}

// children calls f for each box in b.
func children(b []byte, f func(kind string, content []byte) error) error {
	for len(b) > 0 {
		if len(b) < boxHeader {
			return errShape
		}
		n := uint64(binary.BigEndian.Uint32(b))
		if n < boxHeader || n > uint64(len(b)) {
			return errShape
		}
		if err := f(string(b[4:boxHeader]), b[boxHeader:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func runs(moof []byte, size int64) (all []ScannedRun, err error) {
	err = children(moof, func(kind string, content []byte) error {
		if kind != "traf" {
			return nil
		}
		r, err := run(content, size)
		all = append(all, r)
		return err
	})
	return all, err
}

// run reads a traf of a fragment of that size.
func run(traf []byte, size int64) (r ScannedRun, err error) {
	seen := 0
	err = children(traf, func(kind string, b []byte) error {
		switch {
		case kind == "tfhd" && len(b) == 8:
			r.Number = binary.BigEndian.Uint32(b[4:])
			seen |= 1
		case kind == "tfdt" && len(b) == 12 && b[0] == 1:
			r.DTS = media.Ticks(binary.BigEndian.Uint64(b[4:]) & (1<<62 - 1))
			seen |= 2
		case kind == "trun" && len(b) >= 12:
			seen |= 4
			return r.samples(b, size)
		default:
			return errShape
		}
		return nil
	})
	if err == nil && seen != 7 {
		err = errShape
	}
	return r, err
}

func (r *ScannedRun) samples(b []byte, size int64) error {
	const audio = trunOffset | trunDuration | trunSize
	flags, count := binary.BigEndian.Uint32(b)&0xffffff, uint64(binary.BigEndian.Uint32(b[4:]))
	r.Data = int64(binary.BigEndian.Uint32(b[8:]))
	each := 8
	switch flags {
	case audio:
	case audio | trunFlags | trunComposition:
		each = 16
	default:
		return errShape
	}
	b = b[12:]
	if count*uint64(each) != uint64(len(b)) {
		return errShape
	}
	r.Samples = make([]ScannedSample, 0, count)
	total := r.Data
	for ; len(b) > 0; b = b[each:] {
		s := ScannedSample{Duration: binary.BigEndian.Uint32(b), Size: binary.BigEndian.Uint32(b[4:]), Sync: true}
		if each == 16 {
			s.Sync = binary.BigEndian.Uint32(b[8:]) == sampleSync
			s.Composition = binary.BigEndian.Uint32(b[12:])
		}
		if total += int64(s.Size); total > size {
			return errShape
		}
		r.Samples = append(r.Samples, s)
	}
	return nil
}
