package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"path"
	"strings"
	"time"
)

// Store is where objects are. Any number of goroutines may use it.
//
// Keys are names separated by slashes, as [ValidKey] has it.
type Store interface {
	// Put stores an object and returns once it is known to be there, whole. One that is
	// Fixed never replaces another: if there is an object with its key already, Put
	// succeeds if that has the same content, else it fails with ErrExists. When Put fails,
	// the object is there as a whole or not at all.
	Put(ctx context.Context, o Object) error
	// Get opens size bytes of an object behind its first from ones; all that follow if size
	// is negative. The caller closes it. The deadline is for all of the reading.
	Get(ctx context.Context, key string, from, size int64) (io.ReadCloser, error)
	// Stat says what is known of an object.
	Stat(ctx context.Context, key string) (Info, error)
	// List lists the objects whose key begins with prefix, in any order. It ends with the
	// first error.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, key string) error
}

// Object is what is put.
type Object struct {
	Key string
	// Body is read from its beginning, perhaps more than once, by one goroutine at a time.
	Body io.ReaderAt
	Size int64 // in bytes
	Sum  [32]byte
	// Type is the media type.
	Type string
	// Fixed says that the content of the key will never be another, so that it may be
	// cached for ever and must not be replaced.
	Fixed bool
}

// Info is what a store knows of an object.
type Info struct {
	Key  string
	Size int64
	// Sum is the SHA-256 of the content, if Summed.
	Sum      [32]byte
	Summed   bool
	Modified time.Time
}

// The errors that callers tell apart; all others are worth another try.
var (
	ErrNotFound = errors.New("there is no such object")
	ErrExists   = errors.New("there is another object with that name")
	// ErrRefused is what the store will not do until somebody has changed something: a
	// key, a right, a bucket, a clock.
	ErrRefused = errors.New("the store refuses")
	// ErrFull says that there is no space left.
	ErrFull = errors.New("the store is full")
	// ErrContent says that the body is not what Size and Sum promise.
	ErrContent = errors.New("the content is not what it was")
)

// maxKey bounds a key: S3 takes 1024 bytes, and a prefix comes in front.
const maxKey = 900

// ValidKey says whether key can be one: relative, clean, of printable ASCII without
// backslashes, not too long, no name in it longer than a file's can be.
func ValidKey(key string) bool {
	if key == "" || len(key) > maxKey || key[0] == '/' || path.Clean(key) != key || key == "." || key == ".." || strings.HasPrefix(key, "../") {
		return false
	}
	for i := range len(key) {
		if c := key[i]; c < 0x20 || c > 0x7e || c == '\\' {
			return false
		}
	}
	for name := range strings.SplitSeq(key, "/") {
		if len(name) > 200 || strings.HasPrefix(name, temporary) {
			return false
		}
	}
	return true
}

// temporary begins the names of what a directory has not got as a whole yet.
const temporary = ".weir-"
