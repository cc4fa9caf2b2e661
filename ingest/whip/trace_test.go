package whip

import (
	"context"
	"testing"
	"testing/synctest"

	"weir/pipeline"
)

// Whoever follows an offer sees the first frame.
func TestFirstFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		ended := make(chan error, 1)
		s.follow = func(ctx context.Context, step string) (context.Context, func(error)) {
			return ctx, func(err error) {
				if step == "first frame" {
					ended <- err
				}
			}
		}
		p := s.publish(both())
		if len(ended) > 0 {
			t.Error("the first frame is there before the publisher is")
		}
		<-p.Connected
		p.Movie(t, 1e9, 1)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.do("DELETE", p.session, "")
		<-s.ended
	})
}
