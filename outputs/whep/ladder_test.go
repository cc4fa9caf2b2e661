package whep

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// ladderRun feeds a ladder every 100 ms with what path says of the present layer, and
// notes what changes.
func ladderRun(d time.Duration, blind bool, path func(at time.Duration, rate, probe int64) int64) string {
	rungs := []rung{{2, 500_000}, {1, 1_000_000}, {0, 2_000_000}}
	var l ladder
	var got strings.Builder
	start := time.Unix(0, 0)
	layer, rate, probe := int8(2), int64(500_000), int64(0)
	for at := time.Duration(0); at < d; at += reviewEvery {
		next := l.choose(start.Add(at), rungs, layer, path(at, rate, probe), blind)
		if next.layer != layer || next.probe != probe {
			fmt.Fprintf(&got, "%v: layer %d", at, next.layer)
			if next.probe != 0 {
				fmt.Fprintf(&got, ", probe %d", next.probe)
			}
			got.WriteString("\n")
		}
		layer, probe = next.layer, next.probe
		for _, r := range rungs {
			if r.layer == layer {
				rate = r.rate
			}
		}
	}
	return got.String()
}

// wide is a path that takes what is tried.
func wide() func(at time.Duration, rate, probe int64) int64 {
	known := int64(0)
	return func(_ time.Duration, rate, probe int64) int64 {
		known = max(known, rate, probe)
		return known
	}
}

func TestLadder(t *testing.T) {
	for _, c := range []struct {
		name  string
		d     time.Duration
		blind bool
		path  func(at time.Duration, rate, probe int64) int64
		want  string
	}{
		{
			"a wide path is climbed by probes", 10 * time.Second, false,
			wide(),
			`1s: layer 2, probe 1250000
1.1s: layer 2
1.6s: layer 1
3.6s: layer 1, probe 2500000
3.7s: layer 1
4.2s: layer 0
`,
		},
		{
			"a path that takes no more is probed ever less often", 60 * time.Second, false,
			func(time.Duration, int64, int64) int64 { return 700_000 },
			`1s: layer 2, probe 1250000
1.7s: layer 2
9.7s: layer 2, probe 1250000
10.4s: layer 2
26.4s: layer 2, probe 1250000
27.1s: layer 2
59.1s: layer 2, probe 1250000
59.8s: layer 2
`,
		},
		{
			"a path that becomes narrow is left", 9 * time.Second, false,
			func(at time.Duration, rate, _ int64) int64 {
				if at < 5*time.Second {
					return 3_000_000
				}
				return 950_000
			},
			`1.5s: layer 1
4s: layer 0
5s: layer 2
`,
		},
		{
			"a short dip is sat out", 9 * time.Second, false,
			func(at time.Duration, _, _ int64) int64 {
				if at >= 5*time.Second && at < 5300*time.Millisecond {
					return 1_500_000
				}
				return 3_000_000
			},
			`1.5s: layer 1
4s: layer 0
`,
		},
		{
			"without feedback, it is tried and taken back, ever less often", 40 * time.Second, true,
			func(_ time.Duration, rate, _ int64) int64 { return min(rate, 700_000) },
			`1s: layer 1
1.5s: layer 2
9.5s: layer 1
10s: layer 2
26s: layer 1
26.5s: layer 2
`,
		},
	} {
		if got := ladderRun(c.d, c.blind, c.path); got != c.want {
			t.Errorf("%s: got\n%s", c.name, got)
		}
	}
}
