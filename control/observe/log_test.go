package observe

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
)

func TestIDsRise(t *testing.T) {
	var a, b ids
	now := time.UnixMilli(1_800_000_000_000)
	seen := make(map[string]bool)
	last := ""
	for n := range 2000 {
		at := now.Add(time.Duration(n%3-1) * time.Second) // the clock jumps
		for _, id := range []string{a.next(at), b.next(at)} {
			if len(id) != 26 || strings.Trim(id, alphabet) != "" || seen[id] {
				t.Fatalf("%q", id)
			}
			seen[id] = true
		}
		if id := a.next(at); id <= last {
			t.Fatalf("%s after %s", id, last)
		} else {
			last = id
		}
	}
	if first := new(ids).next(time.UnixMilli(0)); !strings.HasPrefix(first, "0000000000") {
		t.Error(first)
	}
}

func kinds(events []Event) string {
	var all []string
	for _, e := range events {
		all = append(all, e.Type)
	}
	return strings.Join(all, " ")
}

func TestLogReplays(t *testing.T) {
	l := NewLog()
	tail := l.Tail()
	for n := range 3 {
		l.Herald(pipeline.Milestone{Type: fmt.Sprint("n", n), Stream: "live/a"})
	}
	events, lost, err := tail.Take()
	if kinds(events) != "n0 n1 n2" || lost || err != nil {
		t.Fatal(kinds(events), lost, err)
	}
	for i, want := range []string{"n1 n2", "n2", ""} {
		if again, lost, _ := l.After(events[i].ID).Take(); kinds(again) != want || lost {
			t.Errorf("after %s: %s %v", events[i].Type, kinds(again), lost)
		}
	}
	if again, lost, _ := l.After("01").Take(); kinds(again) != "n0 n1 n2" || !lost { // of another process
		t.Error(kinds(again), lost)
	}
	if got := l.Latest(); kinds(got) != "n2 n1 n0" {
		t.Error(kinds(got))
	}
	if !slices.IsSortedFunc(l.Latest(), func(a, b Event) int { return strings.Compare(backwards(a.ID), backwards(b.ID)) }) {
		t.Error("backwards does not turn the order round")
	}
}

// Whoever is too slow misses something and is told so; he is never waited for.
func TestSlowReadersLose(t *testing.T) {
	l := NewLog()
	r := l.Tail()
	for range Kept + 10 {
		l.Publish(Event{Type: "x"})
	}
	events, lost, err := r.Take()
	if !lost || err != nil || len(events) != 256 {
		t.Fatal(len(events), lost, err)
	}
	total := len(events)
	for {
		more, lost, err := r.Take()
		if lost || err != nil {
			t.Fatal(lost, err)
		}
		if total += len(more); len(more) == 0 {
			break
		}
	}
	if total != Kept || len(l.Latest()) != Kept {
		t.Error(total)
	}
}

func TestLogEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLog()
		r := l.Tail()
		go func() {
			l.Publish(Event{Type: "a"})
			time.Sleep(time.Second)
			l.Publish(Event{Type: "b"})
			l.Close()
			l.Close()
			l.Publish(Event{Type: "c"})
		}()
		var all []Event
		for {
			events, _, err := r.Next(t.Context())
			if all = append(all, events...); err != nil {
				break
			}
		}
		if kinds(all) != "a b" {
			t.Error(kinds(all))
		}
	})
}
