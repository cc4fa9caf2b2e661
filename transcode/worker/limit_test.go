package worker

import "testing"

func TestLimited(t *testing.T) {
	for _, c := range []struct {
		name             string
		full, now, limit int64
		want             int64
	}{
		{"less", 1000, 0, 600, 600},
		{"little less", 1000, 600, 570, 0},
		{"more", 1000, 600, 800, 800},
		{"too little", 1000, 600, 10, 250},
		{"more than there is", 1000, 950, 5000, 1000},
		{"all again", 1000, 600, 0, 1000},
		{"all, as it was", 1000, 0, 0, 0},
		{"unknown", 0, 0, 500, 0},
	} {
		if got := limited(c.full, c.now, c.limit); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
