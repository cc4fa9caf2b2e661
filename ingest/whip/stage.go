package whip

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weir/ingest/reception"
	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/instance"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc"
)

//go:embed example.yaml
var example string

// factory is a Factory that announces at a door and mounts endpoints at a site.
type factory struct {
	pipeline.Factory
	site     Site
	peers    *rtc.Server
	policy   access.Policy
	door     *Door
	sessions *sessions
}

// Factory makes WHIP sources whose endpoints are mounted at site and which are reached
// through peers by whom policy lets in. All may be nil where no stage is to run.
func Factory(site Site, peers *rtc.Server, policy access.Policy) pipeline.Factory {
	f := &factory{site: site, peers: peers, policy: policy, door: new(Door), sessions: &sessions{all: make(map[string]*session)}}
	spec := pipeline.Spec{
		Type: "ingest/whip", Role: pipeline.Source, Live: true,
		Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{
			Form: media.FormRTP,
			Codecs: []media.Codec{
				media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecVP9, media.CodecVP8, media.CodecOpus,
			},
			Without: pipeline.BFrames, // real-time encoders have none
		}}},
		Doc: "Takes publishers by WebRTC (WHIP).", Example: example, Metrics: reception.Metrics(),
	}
	f.Factory = pipeline.Define(spec, defaults, f.stage)
	return f
}

func (f *factory) stage(c Config, env pipeline.Env) (pipeline.Stage, error) {
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	s := &stage{door: f.door, env: env, log: env.Log}
	s.config.Store(&c)
	return s, nil
}

// Announce implements pipeline.Announcer.
func (f *factory) Announce(a pipeline.Announcement) (withdraw func(), err error) {
	c, ok := a.Config.(*Config)
	if !ok {
		return nil, fmt.Errorf("configuration is a %T", a.Config)
	}
	if f.peers == nil {
		return nil, errors.New("WebRTC is turned off: set server.webrtc.udp")
	}
	if a, err = a.At(c.At); err != nil {
		return nil, err
	}
	leave, err := f.door.Announce(a)
	if err != nil {
		return nil, err
	}
	e := &endpoint{policy: f.policy, peers: f.peers, door: f.door, sessions: f.sessions, config: c}
	unmount := f.site.Mount(httpd.Mount{Pattern: a.Pattern, Leaves: []string{leaf, leaf + "/*"}, Serve: e.serve})
	return func() { unmount(); leave() }, nil
}

// stage serves the publishers of one path.
type stage struct {
	door   *Door
	env    pipeline.Env
	log    *slog.Logger
	config atomic.Pointer[Config]
	status status
	chair  reception.Chair[*Peer]
	heard  bool // some publisher was; Run's own
}

// connectTime is how long the first publisher may take from its offer to its media,
// which the rtc server bounds too.
const connectTime = 20 * time.Second

// Reconfigure takes any change but that of the place: keys are checked at the endpoint.
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
	if s.config.Load().keys().Weak() {
		s.log.Warn("a publish key is short enough to be guessed; use 16 characters or more")
	}
	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	ready := make(chan *Peer)
	beside.Go(func() { s.receive(ctx, seat, ready) })
	beside.Go(func() { s.relay(ctx, p.Out("out")) })

	out := newFeed(p.Out("out"), s.env.Epoch, s.log, &s.status)
	var next *Peer
	for {
		peer := next
		if peer == nil {
			peer = s.await(ctx, ready, p)
		}
		if peer == nil {
			return nil
		}
		s.heard = true
		var why error
		next, why = s.serve(ctx, ready, peer, out)
		beside.Go(func() { peer.Close(why) })
	}
}

// receive takes publishers from the seat and passes on those whose media has begun.
func (s *stage) receive(ctx context.Context, seat *instance.Seat[*Peer], ready chan<- *Peer) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for {
		select {
		case peer := <-seat.Peers():
			waiting.Go(func() { s.expect(ctx, peer, ready) })
		case <-ctx.Done():
			return
		}
	}
}

// expect waits for a publisher's first packet.
func (s *stage) expect(ctx context.Context, peer *Peer, ready chan<- *Peer) {
	select {
	case <-peer.Live():
	case <-peer.Done():
		s.log.Info("publisher did not come", "remote", peer.From.String(), "error", peer.Why())
		peer.Close(nil)
		return
	case <-ctx.Done():
		peer.Close(reception.ErrEnded)
		return
	}
	if no := peer.pass.Ended(time.Now()); no != nil {
		peer.Close(no)
		return
	}
	select {
	case ready <- peer:
	case <-ctx.Done():
		peer.Close(reception.ErrEnded)
	}
}

// relay passes requests for key frames on to whoever publishes.
func (s *stage) relay(ctx context.Context, out *pipeline.Output) {
	tick := time.NewTicker(minKeyframes)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case now := <-tick.C:
			if every := s.config.Load().KeyframeEvery; every > 0 && now.Sub(last) >= every {
				last = now
				s.refresh()
			}
		case f := <-out.Feedback():
			if k, ok := f.(media.KeyframeRequest); ok && k.Track == media.TrackID(media.KindVideo.String()) {
				if p, _, taken := s.chair.Now(); taken {
					p.RequestKeyframe(k.Layer)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// refresh asks for a key frame of every layer.
func (s *stage) refresh() {
	p, _, taken := s.chair.Now()
	if !taken {
		return
	}
	for _, m := range p.Media() {
		for i := range max(1, len(m.Layers)) {
			p.RequestKeyframe(int8(i))
		}
	}
}

// await waits for a publisher. It returns nil when ctx ends. A connection that comes
// about takes its time.
func (s *stage) await(ctx context.Context, ready <-chan *Peer, p *pipeline.Ports) *Peer {
	s.status.Waiting()
	grace := s.config.Load().Grace
	if !s.heard {
		grace = max(grace, connectTime)
	}
	return reception.Await(ctx, ready, grace, s.env, p.SetIdle)
}

// The reasons to close a publisher.
var (
	errDisplaced = errors.New("another publisher with a valid key has taken over")
	errTaken     = errors.New("somebody else is publishing the stream")
)

// serve hears a publisher until it is over with it, or another one comes, which it returns.
// It says why the publisher is to be closed.
func (s *stage) serve(ctx context.Context, ready <-chan *Peer, p *Peer, out *feed) (*Peer, error) {
	log := s.log.With("remote", p.From.String())
	s.status.Publishing(p.From.String(), p.Agent)
	log.Info("publisher has come", "encoder", access.Printable(p.Agent))
	next, err := s.chair.Hear(ctx, p, p.session(), out.out.Bytes, ready, func(ctx context.Context, meter *reception.Meter) error {
		return s.hear(ctx, p, out.hearing(p.Publisher), meter)
	})
	var sent *reception.Dismissal
	switch {
	case next != nil:
		s.status.TakenOver()
		log.Info("publisher is taken over", "by", next.From.String())
		return next, errDisplaced
	case errors.Is(err, reception.ErrEnded):
	case errors.As(err, &sent):
		log.Info("publisher is sent away", "why", sent.Message)
	case errors.Is(err, errDeleted):
		log.Info("publisher has gone")
	default:
		log.Warn("publisher is lost", "error", err)
	}
	return nil, err
}

// hear receives from a publisher and feeds what comes.
func (s *stage) hear(ctx context.Context, p *Peer, h *hearing, meter *reception.Meter) error {
	for {
		packet, err := p.Recv(ctx)
		if err != nil {
			return err
		}
		if rate := meter.Add(len(packet.Payload), packet.Arrived); rate > int64(s.config.Load().MaxBitrate) {
			return fmt.Errorf("the stream has %v; at most %v are allowed", pipeline.Bitrate(rate), s.config.Load().MaxBitrate)
		}
		if err := h.take(ctx, &packet); err != nil {
			return err
		}
	}
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	now := s.status.snapshot()
	if p, _, taken := s.chair.Now(); taken {
		now.Streams = p.Stats()
	}
	return now
}

// Measure implements pipeline.Measurer.
func (s *stage) Measure() []pipeline.Figure { return s.status.Measure() }

var (
	_ pipeline.Announcer    = (*factory)(nil)
	_ pipeline.Reconfigurer = (*stage)(nil)
	_ pipeline.Describer    = (*stage)(nil)
	_ pipeline.Measurer     = (*stage)(nil)
)
