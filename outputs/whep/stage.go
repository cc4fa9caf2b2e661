package whep

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc/egress"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "outputs/whep"

// Site is where sessions are asked for; an *httpd.Server is one.
type Site interface {
	Mount(m httpd.Mount) (unmount func())
}

// Port is where viewers reach the engine; an *rtc.Server is one.
type Port interface {
	// Candidates lists the addresses for a peer whose signalling comes from remote, as
	// the lines "candidate:…" (RFC 8839 section 5.1).
	Candidates(remote netip.Addr) []string
	// Links are the values of Link headers that name STUN and TURN servers (RFC 9725
	// section 4.6).
	Links(now time.Time) []string
}

// Factory makes the stages of type outputs/whep, which take the offers of those whom
// policy lets in at site and serve them by engine, which is reached through port. It is
// also a pipeline.Announcer.
func Factory(site Site, engine *egress.Engine, port Port, policy access.Policy) pipeline.Factory {
	f := &factory{site: site, engine: engine, port: port, policy: policy, registry: newRegistry()}
	f.Factory = pipeline.Define(spec(), defaults, f.stage)
	return f
}

type factory struct {
	pipeline.Factory
	site     Site
	engine   *egress.Engine
	port     Port
	policy   access.Policy
	registry *registry
}

func spec() pipeline.Spec {
	return pipeline.Spec{
		Type: Type,
		Role: pipeline.Sink,
		In: []pipeline.Port{{
			Name: "in",
			Streams: pipeline.Streams{
				Form: media.FormRTP,
				Codecs: []media.Codec{
					media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecVP8, media.CodecVP9, media.CodecOpus,
				},
				Without: pipeline.BFrames,
			},
			OnDemand: true, // while somebody watches
			Doc:      "video tracks with all their layers, and audio tracks",
		}},
		Doc:     "serves the stream by WebRTC: viewers come by WHEP, and get the layer that their path takes",
		Example: example,
	}
}

// Announce implements pipeline.Announcer.
func (f *factory) Announce(a pipeline.Announcement) (withdraw func(), err error) {
	d := &desk{registry: f.registry, engine: f.engine, port: f.port, policy: f.policy, when: a.When, wake: a.Wake}
	return f.site.Mount(httpd.Mount{Pattern: a.Pattern, Leaves: leaves(), Serve: d.serve}), nil
}

func (f *factory) stage(cfg Config, env pipeline.Env) (pipeline.Stage, error) {
	return &stage{cfg: cfg, env: env, engine: f.engine, registry: f.registry}, nil
}

// stage is one run of the output.
type stage struct {
	cfg      Config
	env      pipeline.Env
	engine   *egress.Engine
	registry *registry
	house    atomic.Pointer[house] // for Describe
}

// readAtOnce is how many items are read before the shards are told.
const readAtOnce = 256

// Run implements pipeline.Stage.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	ctx, fail := context.WithCancelCause(ctx)
	h, shards := newHouse(ctx, fail, s.cfg, s.env, s.engine, p)
	s.house.Store(h)
	s.registry.open(s.env.Pipeline, h)
	defer func() {
		s.registry.close(s.env.Pipeline, h)
		h.close()
		fail(nil)
		shards.Wait()
	}()
	in := p.In("in")
	in.Spare(2 * beat)
	var told []*shard
	for {
		item, err := in.Recv(ctx)
		for n := 0; item != nil && n < readAtOnce; n++ {
			h.feed.take(item)
			item, err = in.TryRecv()
		}
		told = h.poke(told)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return cmp.Or(context.Cause(ctx), err)
		case item != nil:
			h.feed.take(item)
		}
	}
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	h := s.house.Load()
	if h == nil {
		return nil
	}
	return h.status()
}

var (
	_ pipeline.Announcer = (*factory)(nil)
	_ pipeline.Describer = (*stage)(nil)
)
