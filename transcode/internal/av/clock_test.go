//go:build libav && cgo

package av

import (
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/media"
)

// An input goes ahead of the canvas while nothing comes of another one, since what does
// may be behind what it has to say; not while the other one is only slower to decode.
func TestClockHoldsBack(t *testing.T) {
	for what, pending := range map[string]int{"the other one is decoded": 1, "nothing has come of the other one": 0} {
		synctest.Test(t, func(t *testing.T) {
			c := newClock(5 * time.Second)
			for _, id := range []media.TrackID{"fast", "slow"} {
				c.join(id, media.KindVideo)
			}
			track := &media.Track{ID: "slow", Rate: media.VideoRate}
			for range 1 + pending {
				c.expect(&media.Unit{Track: track})
			}
			c.reach("slow", 0)
			c.settle("slow")
			c.reach("fast", time.Second)
			composed, held := false, true
			go func() {
				_, composed = c.wait(media.KindVideo, time.Second/30)
			}()
			synctest.Wait()
			go func() {
				c.hold(media.KindVideo, time.Second)
				held = false
			}()
			synctest.Wait()
			if composed || held != (pending > 0) {
				t.Errorf("%s: composed %t, held back %t", what, composed, held)
			}
			c.reach("slow", time.Second/30)
			synctest.Wait()
			if !composed {
				t.Errorf("%s: what both gave is not composed", what)
			}
			c.close()
		})
	}
}
