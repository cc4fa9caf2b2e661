package rtmp

import (
	"slices"
	"testing"
	"time"
)

// A change is told of once, however often a target fails for the same reason.
func TestChangesAreToldOnce(t *testing.T) {
	var told []string
	s := status{now: TargetStatus{Role: "primary", Host: "example.net"}}
	s.tell = func(kind string, data any) {
		c, _ := data.(Change)
		told = append(told, kind+" "+string(c.State)+" "+c.Reason)
	}
	refused := fault{Reason: "connection_refused", Message: "m"}
	s.enter(Connecting)
	for range 3 {
		s.fall(refused, time.Second)
		s.enter(Idle)
		s.enter(Connecting)
	}
	s.fall(fault{"bad_name", "m", true}, time.Minute)
	s.accepted()
	s.enter(Live)
	s.enter(Stalled)
	s.enter(Stalled)
	s.enter(Live)
	s.fall(refused, time.Second)
	s.enter(Ended)
	want := []string{
		"output.failed backoff connection_refused", "output.failed failed bad_name",
		"output.live live ", "output.stalled stalled ", "output.live live ", "output.failed backoff connection_refused",
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}
