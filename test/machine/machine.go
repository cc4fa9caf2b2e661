// Package machine shares the machine among tests that run real servers in real time. Such
// tests mostly wait: beside each other they take a fraction of the time that they take one
// by one, as long as together they do not ask for more than there is.
package machine

import (
	"context"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
)

// use is the part of the machine, in percent, that tests ask for together at most: what
// they ask for is an average, and above it they want to be served in time.
const use = 65

// capacity is in hundredths of a core.
func capacity() int64 { return int64(runtime.NumCPU()) * use }

// Shared is a machine whose cores tests take parts of.
type Shared struct{ free *semaphore.Weighted }

// New is a machine of which nothing is taken. Tests that are to be served in turn have to
// take from the same one.
func New() *Shared { return &Shared{semaphore.NewWeighted(capacity())} }

// Take makes t run beside other tests, as soon as so many cores are free for it, until it
// and its subtests end. Those who asked first are served first. A test that asks for more
// than there is runs alone. What t says at its end (-v) is for whoever has to shorten them.
func (s *Shared) Take(t *testing.T, cores float64) {
	t.Helper()
	t.Parallel()
	n := min(int64(cores*100), capacity())
	if err := s.free.Acquire(context.WithoutCancel(t.Context()), n); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	t.Cleanup(func() {
		s.free.Release(n)
		t.Logf("ran for %.1f s on %.2f cores", time.Since(begun).Seconds(), cores)
	})
}

// Long leaves t out of the short form (go test -short), which is to be run before each
// commit: it is of what takes longer than most, or of what a shorter one shows in part.
func Long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not in the short form: make test full=1")
	}
}
