package ring

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"weir/pipeline/media"
)

// BenchmarkDelivery is one delivery to one reader, with sleeping readers that the
// writer wakes for every unit: ns/op and allocs/op are for each delivery, the
// writer's part included.
func BenchmarkDelivery(b *testing.B) {
	for _, readers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			r := New(Bounds{time.Second, 1 << 20})
			set := video()
			units := make([]*media.Unit, 64)
			for n := range units {
				units[n] = unit(set, n, true)
			}
			var all sync.WaitGroup
			round := make(chan struct{}, readers)
			for range readers {
				c := r.Cursor(Options{})
				all.Go(func() {
					for {
						item, err := c.Next(context.Background())
						if errors.Is(err, io.EOF) {
							return
						}
						if _, ok := item.(*media.Unit); ok {
							round <- struct{}{}
						}
					}
				})
			}
			push(b, r, set)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += readers {
				_ = r.Push(context.Background(), units[n/readers%len(units)])
				for range readers {
					<-round
				}
			}
			b.StopTimer()
			r.Close()
			all.Wait()
		})
	}
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
