//go:build libav && cgo

package av

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/test/machine"
	"weir/transcode/wire"
)

// mutants is how many damaged units are fed: a million with WEIR_SOAK=1, which takes a quarter of
// an hour or more.
func mutants() int {
	if os.Getenv("WEIR_SOAK") != "" {
		return 1_000_000
	}
	return 8_000
}

// mutate is a copy of a unit with damage of one of the kinds that happen: wrong bits, few
// or many, a piece that ends early, runs of noise, a piece that is missing or doubled.
func mutate(u *media.Unit, random *rand.Rand) *media.Unit {
	v := *u
	v.Access = slices.Clone(u.Access)
	i := random.IntN(len(v.Access))
	b := bytes.Clone(v.Access[i])
	switch random.IntN(6) {
	case 0: // a bit in a hundred thousand, but one at least
		for range 1 + 8*len(b)/100_000 {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		}
	case 1: // one in a thousand
		for range 1 + 8*len(b)/1000 {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		}
	case 2:
		b = b[:1+random.IntN(len(b))]
	case 3:
		for j, end := random.IntN(len(b)), 1+random.IntN(64); j < len(b) && end > 0; j, end = j+1, end-1 {
			b[j] = byte(random.Uint32())
		}
	case 4:
		if len(v.Access) > 1 {
			v.Access = slices.Delete(v.Access, i, i+1)
			return &v
		}
		b = b[:1]
	default:
		v.Access = slices.Insert(v.Access, i, b)
		return &v
	}
	v.Access[i] = b
	return &v
}

// census counts what an engine makes, and looks whether it keeps its promises.
type census struct {
	t     *testing.T
	sets  int
	units int
	last  map[int8]media.Ticks
	kept  []*media.Unit // from since on, of the first layer
	since atomic.Int64
	track *media.Track
}

func (c *census) take(m wire.Message) error {
	switch m := m.(type) {
	case wire.Tracks:
		c.sets, c.track = c.sets+1, m.Tracks[0]
	case wire.Unit:
		c.units++
		if before, ok := c.last[m.Layer]; ok && m.DTS <= before {
			c.t.Errorf("layer %d: DTS %d after %d", m.Layer, m.DTS, before)
		}
		c.last[m.Layer] = m.DTS
		if m.Layer == 0 && m.PTS >= media.Ticks(c.since.Load()) {
			c.kept = append(c.kept, m.Unit)
		}
	}
	return nil
}

// R15: nothing that a source sends ends the work on it, or changes what is made; after
// damage the picture is back with the next key unit.
func TestMutations(t *testing.T) {
	machine.Long(t)
	names := []string{"h264-bframes-aac.mp4", "h264-aac.mp4", "h265-aac.mp4", "av1-opus.mp4"}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			source, random := readClip(t, name).kind(media.KindVideo), rand.New(rand.NewPCG(15, uint64(i)))
			c := &census{t: t, last: make(map[int8]media.Ticks)}
			c.since.Store(math.MaxInt64)
			layer := wire.Layer{Name: "a", Height: 90, Bitrate: 100_000}
			v := ladderOf(2000, layer)
			v.Preset = "ultrafast"
			e, err := New(wire.Job{Version: wire.Version, Video: v}, c.take)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			began, n, sent := time.Now(), 0, 0
			by := media.Ticks(0)
			feed := func(damaged bool) {
				for _, u := range source.units {
					if damaged && random.IntN(4) > 0 { // the rest is as it was
						u, n = mutate(u, random), n+1
					}
					moved := *u
					moved.PTS, moved.DTS = u.PTS+by, u.DTS+by
					sent++
					if err := e.Handle(wire.Unit{Unit: &moved}); err != nil {
						t.Fatal(err)
					}
				}
				by += 7 * media.Ticks(media.VideoRate)
			}
			if err := e.Handle(wire.Tracks{TrackSet: source.set}); err != nil {
				t.Fatal(err)
			}
			feed(false)
			for n < mutants()/len(names) {
				feed(true)
			}
			c.since.Store(int64(by))
			feed(false)
			if err := e.End(); err != nil {
				t.Fatal(err)
			}
			still := c.still(t)
			t.Logf("FIGURE R15 clip=%s mutated_units=%d of %d pictures=%d still_after=%d took=%v", name, n, sent, c.units, still, time.Since(began).Round(time.Millisecond))
			if c.sets != 1 || still > 0 || len(c.kept) != len(source.units) {
				t.Errorf("%d sets of tracks; of the %d good pictures at the end %d came, %d of them as repetitions", c.sets, len(source.units), len(c.kept), still)
			}
		})
	}
}

// still counts the pictures that are the same as the one before.
func (c *census) still(t *testing.T) (n int) {
	t.Helper()
	var before []byte
	decodeAll(t, c.track, 0, c.kept, func(f *astiav.Frame) {
		luma := lumaOf(t, f)
		if before != nil && difference(before, luma) == 0 {
			n++
		}
		before = luma
	})
	return n
}
