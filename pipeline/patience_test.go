package pipeline

import (
	"testing"
	"time"

	"weir/pipeline/ring"
)

// An output is as patient as the least patient of its consumers.
func TestPatience(t *testing.T) {
	m := newMerger()
	first, second := &Input{cursor: new(ring.Cursor)}, &Input{cursor: new(ring.Cursor)}
	want := func(d time.Duration) {
		t.Helper()
		if got := m.patience(); got != d {
			t.Errorf("patience is %v, want %v", got, d)
		}
	}
	want(0)
	m.join(first)
	want(0)
	first.Nap(200 * time.Millisecond)
	want(200 * time.Millisecond)
	m.join(second)
	want(0)
	second.Nap(40 * time.Millisecond)
	want(40 * time.Millisecond)
	second.Spare(20 * time.Millisecond)
	want(20 * time.Millisecond)
	m.leave(second)
	want(200 * time.Millisecond)
}
