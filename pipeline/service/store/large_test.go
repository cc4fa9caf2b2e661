package store

import (
	"crypto/sha256"
	"errors"
	"io"
	"path/filepath"
	"testing"
)

// film is a large body that counts what is read of it, and fails behind a place.
type film struct {
	first byte
	fails int64
	read  int64
}

var errFilm = errors.New("the film is torn")

func (f *film) ReadAt(b []byte, at int64) (int, error) {
	f.read += int64(len(b))
	if f.fails > 0 && at+int64(len(b)) > f.fails {
		return 0, errFilm
	}
	clear(b)
	for i := (1000 - at%1000) % 1000; i < int64(len(b)); i += 1000 {
		b[i] = byte((at + i) / 1000)
	}
	if at == 0 {
		b[0] = f.first
	}
	return len(b), nil
}

// A large object that failed in the middle goes on where it was, unless it has become
// another one; in the end nothing but it is left.
func TestLarge(t *testing.T) {
	t.Run("dir", func(t *testing.T) {
		large(t, open(t, Place{Dir: t.TempDir()}), 0) // begins anew
	})
	t.Run("s3", func(t *testing.T) {
		cfg, dir := gateway(t)
		s := open(t, Place{S3: cfg})
		s.(*bucket).part = smallPart
		large(t, s, smallPart)
		if left, _ := filepath.Glob(filepath.Join(dir, cfg.Bucket, ".sgwtmp", "multipart", "*")); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
}

const smallPart = 5 << 20

// large tries a store that keeps parts of a size, or none.
func large(t *testing.T, s Store, part int64) {
	t.Helper()
	const size = 2*smallPart + 12345
	put := func(key string, f *film) error {
		return s.(Large).PutLarge(t.Context(), Object{Key: key, Body: f, Size: size, Type: "video/mp4"})
	}
	torn := &film{fails: 2*smallPart + 1}
	if err := put("a/film", torn); !errors.Is(err, errFilm) {
		t.Errorf("a torn film: %v", err)
	}
	if _, err := s.Stat(t.Context(), "a/film"); !errors.Is(err, ErrNotFound) {
		t.Errorf("it is there: %v", err)
	}
	whole := &film{}
	if err := put("a/film", whole); err != nil {
		t.Fatal(err)
	}
	if part > 0 && whole.read != size-part {
		t.Errorf("%d bytes were read to go on, of %d", whole.read, int64(size))
	}
	same(t, s, "a/film", &film{}, size)

	// Another film does not go on behind the parts of the first one.
	_ = put("a/other", &film{fails: 2*smallPart + 1})
	if err := put("a/other", &film{first: 7}); err != nil {
		t.Fatal(err)
	}
	same(t, s, "a/other", &film{first: 7}, size)

	_ = put("a/never", &film{fails: 2*smallPart + 1})
	for range 2 {
		if err := s.(Large).Abandon(t.Context(), "a/never"); err != nil {
			t.Error(err)
		}
	}
	if got := list(t, s, ""); len(got) != 2 {
		t.Errorf("list: %q", got)
	}
	if err := put("../up", &film{}); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func same(t *testing.T, s Store, key string, f *film, size int64) {
	t.Helper()
	r, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, want := sha256.New(), sha256.New()
	n, err := io.Copy(got, r)
	_, _ = io.Copy(want, io.NewSectionReader(f, 0, size))
	if n != size || err != nil || string(got.Sum(nil)) != string(want.Sum(nil)) {
		t.Errorf("%s: other bytes came back, %d of %d, %v", key, n, size, err)
	}
}

func TestPartSize(t *testing.T) {
	for total, want := range map[int64]int64{1: 16 << 20, 160000 << 20: 16 << 20, 160001 << 20: 32 << 20, 5 << 40: 528 << 20} {
		if got := partSize(total, goodPart); got != want || total > got*mostParts {
			t.Errorf("of %d bytes: %d, want %d", total, got, want)
		}
	}
}
