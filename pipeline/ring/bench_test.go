package ring

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"weir/pipeline/media"
)

// BenchmarkDelivery is one delivery to one reader, with sleeping readers that the
// writer wakes for every unit. ns/op is for each delivery, the writer's part
// included; allocs/delivery is without it, which is allocs/push.
func BenchmarkDelivery(b *testing.B) {
	perPush := allocsPerPush(b)
	for _, readers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			r := New(Bounds{time.Second, 1 << 20})
			set := video()
			push(b, r, set)
			read, wait := drain(r, readers)
			units := keyUnits(set)
			deliver := func(u *media.Unit) {
				_ = r.Push(context.Background(), u)
				for range readers {
					<-read
				}
			}
			deliver(units[0]) // the first one allocates what readers keep
			before, pushes := mallocs(), 0
			b.ResetTimer()
			for ; pushes*readers < b.N; pushes++ {
				deliver(units[pushes%len(units)])
			}
			b.StopTimer()
			total := float64(mallocs()-before) - float64(pushes)*perPush
			b.ReportMetric(math.Round(1000*total/float64(pushes*readers))/1000, "allocs/delivery")
			b.ReportMetric(perPush, "allocs/push")
			r.Close()
			wait()
		})
	}
}

// drain starts readers that send a word for every unit that they get. wait returns
// when all have come to the ring's end.
func drain(r *Ring, readers int) (read <-chan struct{}, wait func()) {
	got := make(chan struct{}, readers)
	var all sync.WaitGroup
	for range readers {
		c := r.Cursor(Options{})
		all.Go(func() {
			for {
				item, err := c.Next(context.Background())
				if errors.Is(err, io.EOF) {
					return
				}
				if _, ok := item.(*media.Unit); ok {
					got <- struct{}{}
				}
			}
		})
	}
	return got, all.Wait
}

func keyUnits(set *media.TrackSet) []*media.Unit {
	units := make([]*media.Unit, 64)
	for n := range units {
		units[n] = unit(set, n, true)
	}
	return units
}

// allocsPerPush is what the writer allocates for a unit that nobody reads.
func allocsPerPush(b *testing.B) float64 {
	b.Helper()
	r := New(Bounds{time.Second, 1 << 20})
	set := video()
	push(b, r, set)
	units, n := keyUnits(set), 0
	return testing.AllocsPerRun(20_000, func() {
		_ = r.Push(context.Background(), units[n%len(units)])
		n++
	})
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// BenchmarkCalibration is a fixed piece of work, so that figures from different
// machines and runs can be compared as ratios.
func BenchmarkCalibration(b *testing.B) {
	block := make([]byte, 4096)
	for b.Loop() {
		sum := sha256.Sum256(block)
		block[0] = sum[0]
	}
}
