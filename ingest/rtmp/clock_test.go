package rtmp

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
)

// FAULTS R17, through the whole stage: whatever the publisher's clock does in the
// middle of the clip, no unit is lost, time rises, and sound and picture stay
// together.
func TestClocks(t *testing.T) {
	tags := readTags(t, "h264-aac.flv")
	for _, c := range []struct {
		name        string
		start, step uint32
		want        string
		jumps       uint64
	}{
		{"wraps at 2^24", 1<<24 - 3000, 0, "[H.264 AAC] 180 video 283 audio", 0},
		{"wraps at 2^31", 1<<31 - 3000, 0, "[H.264 AAC] 180 video 283 audio", 0},
		{"wraps at 2^32", 1<<32 - 3000, 0, "[H.264 AAC] 180 video 283 audio", 0},
		{"a second back", 5000, 1<<32 - 1000, "[H.264 AAC] 180 video 283 audio", 0},
		{"ten seconds back", 20_000, 1<<32 - 10_000, "[H.264 AAC] 90 video 141 audio D:audio 1 audio D:video 90 video 141 audio", 1},
		{"an hour forward", 0, 3_600_000, "[H.264 AAC] 90 video 141 audio D:audio 1 audio D:video 90 video 141 audio", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s := newStudio(ctx, t, pipeline.Published, open())
				e := valid(c.name)
				s.enter(e)
				began := time.Now()
				for _, tag := range tags {
					time.Sleep(time.Until(began.Add(time.Duration(tag.Timestamp) * time.Millisecond)))
					shift := c.start
					if tag.Timestamp >= 3000 {
						shift += c.step
					}
					e.message(tag, shift)
				}
				synctest.Wait()
				if got := s.check(); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				if n := s.status().Jumps; n != c.jumps {
					t.Errorf("%d jumps", n)
				}
				epoch := s.graph.Snapshot().Epoch
				var skew [media.KindAudio + 1]time.Duration
				for _, u := range s.sink.Units() {
					skew[u.Kind()] = u.Time() - u.Arrived.Sub(epoch)
				}
				if off := skew[media.KindAudio] - skew[media.KindVideo]; off.Abs() > 40*time.Millisecond {
					t.Errorf("sound and picture are %v apart", off)
				}
				cancel()
				<-s.ended
			})
		})
	}
}
