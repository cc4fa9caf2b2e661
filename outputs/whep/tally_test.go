package whep

import (
	"testing"
	"time"
)

// That there are as many viewers as may be is made known at most once a minute.
func TestFullIsToldSeldom(t *testing.T) {
	var y tally
	now, told := time.Unix(1e9, 0), 0
	for range 130 {
		if y.full(now) {
			told++
		}
		now = now.Add(time.Second)
	}
	if told != 3 {
		t.Errorf("told %d times in 130 s", told)
	}
}
