package rtmp

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"weir/ingest/reception"
	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/instance"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

//go:embed example.yaml
var example string

// factory is a Factory that announces at a door.
type factory struct {
	pipeline.Factory
	*Door
}

// Announce implements pipeline.Announcer.
func (f factory) Announce(a pipeline.Announcement) (withdraw func(), err error) {
	if c, ok := a.Config.(*Config); ok {
		if a, err = a.At(c.At); err != nil {
			return nil, err
		}
	}
	return f.Door.Announce(a)
}

// Factory makes RTMP sources that take their publishers from the door.
func Factory(door *Door) pipeline.Factory {
	spec := pipeline.Spec{
		Type: "ingest/rtmp", Role: pipeline.Source, Live: true,
		Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{
			Form: media.FormAccess,
			Codecs: []media.Codec{
				media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecAAC, media.CodecOpus, media.CodecMP3,
			},
		}}},
		Doc: "Takes publishers by RTMP and Enhanced RTMP.", Example: example, Metrics: reception.Metrics(),
	}
	make := func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		if env.Log == nil {
			env.Log = slog.New(slog.DiscardHandler)
		}
		s := &stage{door: door, env: env, log: env.Log}
		s.config.Store(&c)
		return s, nil
	}
	return factory{pipeline.Define(spec, defaults, make), door}
}

// stage serves the publishers of one path.
type stage struct {
	door   *Door
	env    pipeline.Env
	log    *slog.Logger
	config atomic.Pointer[Config]
	status status
	chair  reception.Chair[*Peer]
}

// Reconfigure takes any change but that of the place: keys are checked at the door.
func (s *stage) Reconfigure(cfg any) (bool, error) {
	return reception.Reconfigure(&s.config, cfg, func(c *Config) string { return c.At })
}

// Run serves one publisher after the other.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	seat, err := s.door.Sit(s.env.At(s.config.Load().At))
	if err != nil {
		return pipeline.Fail(pipeline.Config, "serve publishers", err)
	}
	defer seat.Leave()
	var closing sync.WaitGroup
	defer closing.Wait()
	if s.config.Load().keys().Weak() {
		s.log.Warn("a publish key is short enough to be guessed; use 16 characters or more")
	}
	out := newFeed(p.Out("out"), s.env.Epoch, s.log, &s.status)
	var next *Peer
	for {
		peer := next
		if peer == nil {
			peer = s.await(ctx, seat, p)
		}
		if peer == nil {
			return nil
		}
		var why error
		next, why = s.serve(ctx, seat, peer, out)
		closing.Go(func() { peer.Close(why) }) // takes a while if the network does not
	}
}

// await waits for a publisher. It returns nil when ctx ends.
func (s *stage) await(ctx context.Context, seat *instance.Seat[*Peer], p *pipeline.Ports) *Peer {
	s.status.Waiting()
	return reception.Await(ctx, seat.Peers(), s.config.Load().Grace, s.env, p.SetIdle)
}

// serve hears a publisher until it is over with it, or another one comes, which it returns.
// It says why the publisher is to be closed.
func (s *stage) serve(ctx context.Context, seat *instance.Seat[*Peer], p *Peer, out *feed) (*Peer, error) {
	r := p.Request()
	log := s.log.With("remote", r.Remote.String())
	s.status.publishing(r)
	log.Info("publisher has come", "encoder", access.Printable(r.Encoder), "secure", r.Secure)
	next, err := s.chair.Hear(ctx, p, p.session(), out.out.Bytes, seat.Peers(), func(ctx context.Context, meter *reception.Meter) error {
		return s.hear(ctx, p, out.session(log), meter)
	})
	var sent *reception.Dismissal
	switch {
	case next != nil:
		s.status.TakenOver()
		log.Info("publisher is taken over", "by", next.Request().Remote.String())
		return next, rtmpd.BadName("Another publisher with a valid key has taken over this stream.")
	case errors.Is(err, reception.ErrEnded):
		return nil, rtmpd.Failed("The stream has been ended by the server.")
	case errors.As(err, &sent):
		log.Info("publisher is sent away", "why", sent.Message)
		return nil, sentAway(sent)
	case errors.Is(err, io.EOF):
		log.Info("publisher has gone")
	default:
		log.Warn("publisher is lost", "error", err)
	}
	return nil, err
}

// hear receives from a publisher and feeds what comes.
func (s *stage) hear(ctx context.Context, p Publisher, session *session, meter *reception.Meter) error {
	defer session.end(ctx)
	for {
		p.Pace(session.feed.out.Patience() / 2) // and the consumers' is yet to come
		m, err := p.Recv(ctx)
		if err != nil {
			return err
		}
		if rate := meter.Add(len(m.Payload), m.Arrived); rate > int64(s.config.Load().MaxBitrate) {
			return rtmpd.Denied(fmt.Sprintf("The stream has %v; at most %v are allowed. Lower the encoder's bitrate, or send in real time (ffmpeg -re).",
				pipeline.Bitrate(rate), s.config.Load().MaxBitrate))
		}
		if err := session.take(ctx, m); err != nil {
			return err
		}
	}
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any { return s.status.snapshot() }

// Measure implements pipeline.Measurer.
func (s *stage) Measure() []pipeline.Figure { return s.status.Measure() }

var (
	_ pipeline.Announcer    = factory{}
	_ pipeline.Reconfigurer = (*stage)(nil)
	_ pipeline.Describer    = (*stage)(nil)
	_ pipeline.Measurer     = (*stage)(nil)
	_ Publisher             = (*rtmpd.Publisher)(nil)
)
