package rtmp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/service/rtmpd"
)

// Publisher is what the stage needs of a *[rtmpd.Publisher].
type Publisher interface {
	Request() rtmpd.Request
	Recv(ctx context.Context) (rtmpd.Message, error)
	Pace(d time.Duration)
	Close(why error)
}

// Door is where publishers meet the stage of their path.
type Door = instance.Door[Publisher]

// Handler brings publishers to the door. A refusal is a *[rtmpd.StatusError], in
// words for whoever publishes.
func Handler(door *Door) rtmpd.Handler {
	return func(ctx context.Context, p *rtmpd.Publisher) error { return enter(ctx, door, p) }
}

func enter(ctx context.Context, door *Door, p Publisher) error {
	r := p.Request()
	err := door.Enter(ctx, r.Path, func(a *pipeline.Announcement) error {
		c, ok := a.Config.(*Config)
		if !ok {
			return fmt.Errorf("configuration is a %T", a.Config)
		}
		return c.admit(r)
	}, p)
	var told *rtmpd.StatusError
	switch {
	case err == nil, errors.As(err, &told):
		return err
	case errors.Is(err, instance.ErrNoPipeline):
		return rtmpd.BadName(fmt.Sprintf("No pipeline takes RTMP at %s.", r.Path))
	case errors.Is(err, instance.ErrDraining):
		return rtmpd.Failed("The server is shutting down.")
	case ctx.Err() != nil:
		return rtmpd.Failed("The pipeline did not start in time. Please try again.")
	default:
		return fmt.Errorf("%w: %w", rtmpd.Failed("The pipeline could not be started."), err)
	}
}
