package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"weir/control/durable"
)

// ErrFile is for what is wrong with the file, not with a change.
var ErrFile = errors.New("the access file")

func fault(op string, err error) error { return fmt.Errorf("%s %w: %w", op, ErrFile, err) }

// Store is a book in its file. Without a file it is in memory only. Use [Open].
type Store struct {
	path string

	mu sync.Mutex // guards the rest, and is held while the file is written
	// book is shared with readers, and replaced.
	book *Book
	seen stamp
}

// stamp tells one state of a file from the next: each is another file.
type stamp struct {
	modified time.Time
	size     int64
	inode    uint64
}

// Open reads the file at path; one that is not there yet is empty. An empty path keeps
// the book in memory.
func Open(path string) (*Store, error) {
	s := &Store{path: path, book: &Book{Version: Version}}
	if path == "" {
		return s, nil
	}
	b, seen, err := s.read()
	if err != nil {
		return nil, err
	}
	s.book, s.seen = b, seen
	return s, nil
}

// Path is the file's name; "" if there is none.
func (s *Store) Path() string { return s.path }

// Book is what the file said last. It must not be changed.
func (s *Store) Book() *Book {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book
}

// read reads the file as it is now.
func (s *Store) read() (*Book, stamp, error) {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Book{Version: Version}, stamp{}, nil
	}
	if err != nil {
		return nil, stamp{}, fault("open", err)
	}
	defer f.Close()
	at, err := stampOf(f)
	if err != nil {
		return nil, stamp{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, stamp{}, fault("read", err)
	}
	b, err := Parse(text)
	if err != nil {
		return nil, stamp{}, fault("read", fmt.Errorf("%s: %w", s.path, err))
	}
	return b, at, nil
}

func stampOf(f *os.File) (stamp, error) {
	fi, err := f.Stat()
	if err != nil {
		return stamp{}, fault("look at", err)
	}
	if !fi.Mode().IsRegular() {
		return stamp{}, fault("read", fmt.Errorf("%s is no regular file", f.Name()))
	}
	return stampOfInfo(fi), nil
}

func stampOfInfo(fi fs.FileInfo) stamp {
	at := stamp{modified: fi.ModTime(), size: fi.Size()}
	if sys, ok := fi.Sys().(*syscall.Stat_t); ok {
		at.inode = sys.Ino
	}
	return at
}

// Refresh reads the file again if somebody else has changed it, and says whether the book
// is another one. What is wrong with a file leaves the book as it was.
func (s *Store) Refresh() (changed bool, err error) {
	if s.path == "" {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := stamp{}
	if fi, err := os.Stat(s.path); err == nil {
		now = stampOfInfo(fi)
	}
	if now == s.seen {
		return false, nil
	}
	b, seen, err := s.read()
	if err != nil {
		s.seen = now // say it once
		return false, err
	}
	s.book, s.seen = b, seen
	return true, nil
}

// Update changes the book and has the change on the disk when it returns. change gets a
// copy of what the file says now; its error, or a book that is not good, leaves all as it
// was.
func (s *Store) Update(change func(*Book) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	from := s.book
	if s.path != "" {
		if from, _, err = s.read(); err != nil {
			return err
		}
	}
	text, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("copy the book: %w", err)
	}
	next := new(Book)
	if err := json.Unmarshal(text, next); err != nil {
		return fmt.Errorf("copy the book: %w", err)
	}
	if err := change(next); err != nil {
		return err
	}
	if err := next.Check(); err != nil {
		return err
	}
	if s.path != "" {
		if s.seen, err = s.write(next); err != nil {
			return err
		}
	}
	s.book = next
	return nil
}

// lock keeps other processes from changing the file at the same time.
func (s *Store) lock() (unlock func(), err error) {
	if s.path == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(s.path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fault("lock", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fault("lock", err)
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}

// write replaces the file.
func (s *Store) write(b *Book) (stamp, error) {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return stamp{}, fault("write", err)
	}
	if len(text) >= MaxSize {
		return stamp{}, fmt.Errorf("the access file would have more than %d bytes", MaxSize)
	}
	info, err := durable.Replace(s.path, append(text, '\n'), durable.Private)
	if err != nil {
		return stamp{}, fault("write", err)
	}
	return stampOfInfo(info), nil
}
