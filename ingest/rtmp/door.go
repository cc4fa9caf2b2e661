package rtmp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
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

// Peer is a publisher that has been let in.
type Peer struct {
	Publisher
	id   string
	pass *access.Pass
}

// Pass implements reception.Visitor.
func (p *Peer) Pass() *access.Pass { return p.pass }

// TurnAway implements reception.Visitor.
func (p *Peer) TurnAway() { p.Close(rtmpd.BadName("Somebody else is publishing this stream.")) }

// session is the peer as others see it.
func (p *Peer) session() pipeline.Session {
	r := p.Request()
	return pipeline.Session{ID: p.id, Protocol: protocol(r), Remote: r.Remote}
}

// Door is where publishers meet the stage of their path.
type Door = instance.Door[*Peer]

// Handler brings publishers to the door, if the policy lets them in. A refusal is a
// *[rtmpd.StatusError], in words for whoever publishes.
func Handler(door *Door, policy access.Policy) rtmpd.Handler {
	return func(ctx context.Context, p *rtmpd.Publisher) error { return enter(ctx, door, policy, p) }
}

func enter(ctx context.Context, door *Door, policy access.Policy, p Publisher) error {
	r := p.Request()
	peer := &Peer{Publisher: p, id: rand.Text()}
	err := door.Enter(ctx, r.Path, func(a *pipeline.Announcement) error {
		c, ok := a.Config.(*Config)
		if !ok {
			return fmt.Errorf("configuration is a %T", a.Config)
		}
		pass, no := access.Ask(ctx, policy, question(r, peer.id, c.keys()))
		if no != nil {
			return refused(no)
		}
		peer.pass = pass
		return nil
	}, peer)
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

// protocol is what a publisher speaks.
func protocol(r rtmpd.Request) string {
	if r.Secure {
		return "rtmps"
	}
	return "rtmp"
}

// question is what the policy is asked.
func question(r rtmpd.Request, id string, keys []pipeline.Secret) access.Request {
	q := access.Request{
		Action: access.Publish, Path: r.Path, Protocol: protocol(r), Remote: r.Remote.Addr().Unmap(),
		Agent: access.Printable(r.Encoder), Session: id, Token: r.Key, Keys: keys,
	}
	q.Show(r.Query.Reveal())
	return q
}

// refused says a refusal in RTMP's words.
func refused(no *access.Refusal) error {
	switch no.Why {
	case access.Missing:
		return rtmpd.Denied(no.Message + " Add ?key=… to the stream's name.")
	case access.Unavailable:
		return rtmpd.Failed(no.Message)
	case access.Wrong, access.Expired, access.Forbidden, access.Limited:
	}
	return rtmpd.Denied(no.Message)
}
