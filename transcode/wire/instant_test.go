package wire

import (
	"encoding/json"
	"testing"
	"time"
)

// An instant goes over the wire to the nanosecond, and none stays none.
func TestInstant(t *testing.T) {
	j := Test{Epoch: Instant{time.Now().Add(-time.Hour)}}
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	var got Test
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if off := got.Epoch.Sub(j.Epoch.Time).Abs(); off > time.Millisecond {
		t.Errorf("%v became %v", j.Epoch, got.Epoch)
	}
	if b, err := json.Marshal(Test{}); err != nil || string(b) != `{"width":0,"height":0,"fps":0}` {
		t.Errorf("none is written as %s: %v", b, err)
	}
}
