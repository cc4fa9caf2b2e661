package spool

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// disk is the directory of one recording. Its one method beside those of os.Root lets
// tests break it.
type disk struct {
	*os.Root
	// fault is asked before an operation on a file whether it fails; may be nil.
	fault func(op, name string) error
}

func (d *disk) fails(op, name string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(op, name)
}

// file is one that is being written.
type file struct {
	*os.File
	disk *disk
	name string
}

func (d *disk) create(name string) (*file, error) {
	if err := d.fails("create", name); err != nil {
		return nil, err
	}
	f, err := d.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	return &file{f, d, name}, nil
}

func (f *file) Write(b []byte) (int, error) {
	if err := f.disk.fails("write", f.name); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f *file) Sync() error {
	if err := f.disk.fails("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

// reason says in words why a disk does not take any more.
func reason(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return diskFull
	case errors.Is(err, syscall.EIO):
		return "the disk fails: look at the kernel's log (dmesg)"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "the spool cannot be written: give it to the user that runs weir"
	default:
		return "disk: " + err.Error()
	}
}

// The reasons for which a recording pauses.
const (
	diskFull  = "disk full"
	diskSlow  = "the disk is too slow"
	spoolFull = "the spool is full: the store has not taken enough"
)
