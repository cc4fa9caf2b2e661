package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"path"
	"strings"
	"syscall"
)

// directory keeps objects in files. Each is written beside its place under another
// name, synced, and linked there.
type directory struct{ path string }

// root opens the directory, made if need be.
func (d *directory) root() (*os.Root, error) {
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return nil, d.say(err)
	}
	root, err := os.OpenRoot(d.path)
	return root, d.say(err)
}

// say puts an error of the file system into words.
func (d *directory) say(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return ErrNotFound
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: no space is left in %s: free some, or have recordings kept for less time", ErrFull, d.path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %s cannot be written: give it to the user that runs weir (%w)", ErrRefused, d.path, err)
	default:
		return fmt.Errorf("directory %s: %w", d.path, err)
	}
}

// parentOf is the directory, with that in it which a new object of that key needs. The
// caller closes it.
func (d *directory) parentOf(key string) (*os.Root, error) {
	if !ValidKey(key) {
		return nil, fmt.Errorf("%w: %q is no name of an object", ErrRefused, key)
	}
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	if err := root.MkdirAll(path.Dir(key), 0o755); err != nil {
		_ = root.Close()
		return nil, d.say(err)
	}
	return root, nil
}

// Put implements Store.
func (d *directory) Put(ctx context.Context, o Object) error {
	root, err := d.parentOf(o.Key)
	if err != nil {
		return err
	}
	defer root.Close()
	parent := path.Dir(o.Key)
	draft := path.Join(parent, temporary+rand.Text())
	defer func() { _ = root.Remove(draft) }()
	if err := d.write(ctx, root, draft, o); err != nil {
		return err
	}
	if o.Fixed {
		err = root.Link(draft, o.Key)
		if errors.Is(err, fs.ErrExist) {
			return d.same(ctx, root, o)
		}
	} else {
		err = root.Rename(draft, o.Key)
	}
	if err != nil {
		return d.say(err)
	}
	return d.say(syncDir(root, parent))
}

// write makes a file of the object and syncs it.
func (d *directory) write(ctx context.Context, root *os.Root, name string, o Object) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return d.say(err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), &patient{ctx, io.NewSectionReader(o.Body, 0, o.Size)})
	if err == nil && (n != o.Size || [32]byte(sum.Sum(nil)) != o.Sum) {
		err = ErrContent
	}
	if err == nil {
		err = f.Sync()
	}
	return d.say(errors.Join(err, f.Close()))
}

// same compares what is there with what was to be put.
func (d *directory) same(ctx context.Context, root *os.Root, o Object) error {
	f, err := root.Open(o.Key)
	if err != nil {
		return d.say(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, &patient{ctx, f}); err != nil {
		return d.say(err)
	}
	if [32]byte(sum.Sum(nil)) != o.Sum {
		return fmt.Errorf("%s: %w", o.Key, ErrExists)
	}
	return nil
}

// patient is a reader that ends with its context.
type patient struct {
	ctx context.Context //nolint:containedctx // of the one copy that it is made for
	io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}

func syncDir(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get implements Store.
func (d *directory) Get(_ context.Context, key string, from, size int64) (io.ReadCloser, error) {
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(key)
	if err != nil {
		return nil, d.say(err)
	}
	if size < 0 {
		size = math.MaxInt64 - from
	}
	return &section{io.NewSectionReader(f, from, size), f}, nil
}

// section is a part of a file.
type section struct {
	io.Reader
	io.Closer
}

// Stat implements Store.
func (d *directory) Stat(_ context.Context, key string) (Info, error) {
	root, err := d.root()
	if err != nil {
		return Info{}, err
	}
	defer root.Close()
	info, err := root.Stat(key)
	if err != nil {
		return Info{}, d.say(err)
	}
	if !info.Mode().IsRegular() {
		return Info{}, ErrNotFound
	}
	return Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// List implements Store.
func (d *directory) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		root, err := d.root()
		if err != nil {
			yield(Info{}, err)
			return
		}
		defer root.Close()
		// Only the deepest directory that the prefix names whole need be walked.
		top := "."
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			top = prefix[:i]
		}
		err = fs.WalkDir(root.FS(), top, func(key string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // deleted meanwhile
			case err != nil || ctx.Err() != nil:
				return errors.Join(err, ctx.Err())
			case !e.Type().IsRegular(), !strings.HasPrefix(key, prefix), strings.HasPrefix(e.Name(), temporary):
				return nil
			}
			info, err := e.Info()
			if err != nil {
				return nil //nolint:nilerr // deleted meanwhile
			}
			if !yield(Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Info{}, d.say(err))
		}
	}
}

// Delete implements Store. Directories that become empty go as well.
func (d *directory) Delete(_ context.Context, key string) error {
	root, err := d.root()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.say(err)
	}
	for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
		if root.Remove(dir) != nil {
			break // something is in it
		}
	}
	return nil
}

// Free is how many bytes the directory's file system has left.
func (d *directory) Free() (int64, error) {
	if err := os.MkdirAll(d.path, 0o755); err != nil {
		return 0, d.say(err)
	}
	return Free(d.path)
}

// Roomy is a Store that knows how much space is left, in bytes.
type Roomy interface{ Free() (int64, error) }

var _ Roomy = (*directory)(nil)
