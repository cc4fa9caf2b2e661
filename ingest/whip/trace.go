package whip

import (
	"context"
	"errors"

	"weir/pipeline"
	"weir/pipeline/service/rtc"
)

var errNoMedia = errors.New("the publisher has gone before its first packet")

// follow shows whoever follows the request how long the publisher's first packet takes.
func follow(request context.Context, p *rtc.Publisher) {
	if !pipeline.IsFollowed(request) {
		return
	}
	_, end := pipeline.Step(context.WithoutCancel(request), "first frame")
	go func() {
		select {
		case <-p.Live():
			end(nil)
		case <-p.Done():
			end(errNoMedia)
		}
	}()
}
