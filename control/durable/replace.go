package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Private is the mode of files that nobody else may read.
const Private fs.FileMode = 0o600

// Replace writes a file beside the one with that name and puts it in its place. What it
// returns is what os.Stat says of it until somebody else replaces it.
func Replace(name string, text []byte, mode fs.FileMode) (info fs.FileInfo, err error) {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*") // of mode Private
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // not there if it was renamed
		}
	}()
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync())
	info, unknown := f.Stat()
	if err = errors.Join(err, unknown, f.Close()); err != nil {
		return nil, err
	}
	if err = os.Rename(f.Name(), name); err != nil {
		return nil, err
	}
	return info, sync(dir)
}

// sync has the names in a folder on the disk.
func sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
