package calm_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/pipeline/calm"
)

// pair is a connection and its other end.
func pair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if far, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	return near, far
}

// All that is sent comes, and then the end.
func TestReader(t *testing.T) {
	near, far := pair(t)
	want := bytes.Repeat([]byte("0123456789abcde"), 100_000) // more than a buffer of the kernel
	go func() {
		_, _ = far.Write(want)
		_ = far.Close()
	}()
	got, err := io.ReadAll(calm.NewReader(near))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
}

// A reader that waits is told that the time is up, and that the connection was closed.
func TestReaderEnds(t *testing.T) {
	near, _ := pair(t)
	r := calm.NewReader(near)
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("an empty read: %d, %v", n, err)
	}
	_ = near.SetReadDeadline(time.Unix(1, 0))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("behind the deadline: %v", err)
	}
	_ = near.SetReadDeadline(time.Time{})
	ended := make(chan error)
	go func() {
		_, err := r.Read(make([]byte, 1))
		ended <- err
	}()
	_ = near.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// What is no socket is read as ever.
func TestReaderOfOthers(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() { _, _ = far.Write([]byte("x")) }()
	b := make([]byte, 2)
	if n, err := calm.NewReader(near).Read(b); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
