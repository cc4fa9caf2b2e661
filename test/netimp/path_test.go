package netimp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What the package says of paths: a stream of 300 packets a second.
func TestPath(t *testing.T) {
	const every = time.Second / 300
	udp := make([]byte, 1000)
	udp[0], udp[9] = 0x45, 17
	for name, c := range map[string]struct {
		path       Path
		low, high  time.Duration // of nearly all delays
		lost       int           // per cent
		overtaking bool
	}{
		"perfect": {},
		"delay":   {path: Path{Delay: 50 * time.Millisecond}, low: 50 * time.Millisecond, high: 50 * time.Millisecond},
		"jitter":  {path: Path{Jitter: 200 * time.Millisecond}, low: 90 * time.Millisecond, high: 200 * time.Millisecond},
		"reorder": {path: Path{Jitter: 20 * time.Millisecond, Reorder: 1}, high: 20 * time.Millisecond, overtaking: true},
		"loss":    {path: Path{Loss: 0.1}, lost: 10},
		"rate":    {path: Path{Rate: 1_200_000}, low: 150 * time.Millisecond, high: 210 * time.Millisecond, lost: 50},
		"closed":  {path: Path{Closed: true}, lost: 100},
		"no UDP":  {path: Path{NoUDP: true}, lost: 100},
	} {
		t.Run(name, func(t *testing.T) {
			s := schedule{noise: rand.New(rand.NewPCG(1, 1))}
			now, last := time.Unix(0, 0), time.Time{}
			outside, lost, overtook := 0, 0, false
			const packets = 6000
			for i := range packets {
				now = now.Add(every)
				at, ok := s.arrival(&c.path, udp, now)
				if !ok {
					lost++
					continue
				}
				overtook = overtook || at.Before(last)
				last = at
				if d := at.Sub(now); i > 300 && (d < c.low || d > c.high) {
					outside++
				}
			}
			if outside > packets/50 || lost*100 < (c.lost-2)*packets || lost*100 > (c.lost+2)*packets || overtook != c.overtaking {
				t.Errorf("%d delays outside, %d lost, overtaking %v", outside, lost, overtook)
			}
		})
	}
}
