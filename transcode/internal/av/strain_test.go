//go:build libav && cgo

package av

import (
	"testing"
	"time"
)

// under has a strain feel that pictures are late, thirty a second, for a while, and
// lists what was left out after each change.
func under(s *strain, now *time.Time, late, d time.Duration) (changes []string) {
	for end := now.Add(d); now.Before(end); *now = now.Add(time.Second / 30) {
		if s.feel(late, *now) {
			changes = append(changes, s.String())
		}
	}
	return changes
}

func TestStrainGoesInOrder(t *testing.T) {
	now := time.Now()
	s := strain{layers: 3}
	if got := under(&s, &now, 300*time.Millisecond, time.Minute); len(got) != 0 {
		t.Errorf("for a little: %q", got)
	}
	began := now
	if got := under(&s, &now, 500*time.Millisecond, 400*time.Millisecond); len(got) != 2 || got[0] != "the top layer" ||
		got[1] != "the top layer, and all but one of 2 pictures" {
		t.Errorf("within %v: %q", now.Sub(began), got)
	}
	if got := under(&s, &now, time.Second, 5*time.Second); len(got) != 2 || s.level != 4 {
		t.Errorf("to the end: %q", got)
	}
	made := [3]int{}
	for range 80 {
		s.feel(time.Second, now)
		for rank := range made {
			if !s.leavesOut(rank) {
				made[rank]++
			}
		}
	}
	if made != [3]int{0, 10, 10} {
		t.Errorf("of 80 pictures %v are made", made)
	}
	one := strain{layers: 1}
	if got := under(&one, &now, time.Second, 200*time.Millisecond); len(got) != 1 || got[0] != "all but one of 2 pictures" {
		t.Errorf("of one layer: %q", got)
	}
}

// What has become too much again soon is tried less and less often.
func TestStrainEases(t *testing.T) {
	now := time.Now()
	s := strain{layers: 2}
	under(&s, &now, time.Second, 100*time.Millisecond)
	if got := under(&s, &now, 200*time.Millisecond, time.Minute); len(got) != 0 {
		t.Errorf("while there is little time: %q", got)
	}
	for i, want := range []time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second, 24 * time.Second, 48 * time.Second, time.Minute, time.Minute} {
		if got := under(&s, &now, 0, want); len(got) != 0 {
			t.Errorf("%d: more is made within %v", i, want)
		}
		if got := under(&s, &now, 0, time.Second); len(got) != 1 || got[0] != "" {
			t.Errorf("%d: %q after %v", i, got, want)
		}
		if got := under(&s, &now, time.Second, 100*time.Millisecond); len(got) != 1 && i < 6 {
			t.Errorf("%d: %q when it was too much again", i, got)
		}
	}
	under(&s, &now, 0, 5*time.Minute)
	if got := under(&s, &now, time.Second, 100*time.Millisecond); len(got) != 1 || s.patience != firstPatience {
		t.Errorf("after a quiet time %q, and %v", got, s.patience)
	}
}
