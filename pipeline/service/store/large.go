package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
)

// Large is a Store that takes objects in parts: those of any size, whose sum nobody knows
// before they have been read. All stores of this package are.
type Large interface {
	// PutLarge stores an object as Put does, but reads no Sum, and replaces what is there.
	// It reads Body once. Where it fails, or the process is killed, the next one for the
	// key goes on behind the parts that the store has already, if the object is the same.
	PutLarge(ctx context.Context, o Object) error
	// Abandon removes the parts of an object that never became whole.
	Abandon(ctx context.Context, key string) error
}

// draftOf is the file in which a large object comes into being: always the same one, so
// that a killed process leaves nothing that the next one does not find.
func draftOf(key string) string {
	name := path.Base(key)
	return path.Join(path.Dir(key), temporary+name[:min(len(name), 190)])
}

// PutLarge implements Large. It begins anew each time: a directory is near.
func (d *directory) PutLarge(ctx context.Context, o Object) error {
	root, err := d.parentOf(o.Key)
	if err != nil {
		return err
	}
	defer root.Close()
	draft := draftOf(o.Key)
	f, err := root.OpenFile(draft, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return d.say(err)
	}
	defer func() { _ = root.Remove(draft) }()
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, &patient{ctx, io.NewSectionReader(o.Body, 0, o.Size)}, make([]byte, stride))
	if err == nil && n != o.Size {
		err = ErrContent
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return d.say(err)
	}
	if err := root.Rename(draft, o.Key); err != nil {
		return d.say(err)
	}
	return d.say(syncDir(root, path.Dir(o.Key)))
}

// stride is how much is read at once of a body that may have to be fetched, in bytes.
const stride = 4 << 20

// Abandon implements Large.
func (d *directory) Abandon(_ context.Context, key string) error {
	root, err := d.root()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(draftOf(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.say(err)
	}
	return nil
}

var (
	_ Large = (*directory)(nil)
	_ Large = (*bucket)(nil)
)
