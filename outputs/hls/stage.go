package hls

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"sync/atomic"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "outputs/hls"

// Site is where playlists and segments are mounted; an *httpd.Server is one.
type Site interface {
	Mount(m httpd.Mount) (unmount func())
}

// Factory makes the stages of type outputs/hls, which serve what they make at site to
// those whom policy lets in. It is also a pipeline.Announcer.
func Factory(site Site, policy access.Policy) pipeline.Factory {
	f := &factory{site: site, policy: access.NewCache(policy), registry: newRegistry(), holds: newHolds()}
	f.Factory = pipeline.Define(spec(), defaults, f.stage)
	return f
}

type factory struct {
	pipeline.Factory
	site     Site
	policy   access.Policy
	registry *registry
	holds    *holds
}

func spec() pipeline.Spec {
	return pipeline.Spec{
		Type:  Type,
		Role:  pipeline.Sink,
		Reach: []string{"directory"},
		In: []pipeline.Port{{
			Name: "in",
			Streams: pipeline.Streams{
				Form: media.FormAccess,
				Codecs: []media.Codec{
					media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecAAC, media.CodecOpus,
				},
			},
			Doc: "one video track with all its layers, and any number of audio tracks",
		}},
		Doc:     "serves the stream as low-latency HLS, or as plain HLS with fMP4 or MPEG-TS segments",
		Example: example,
	}
}

// Announce implements pipeline.Announcer.
func (f *factory) Announce(a pipeline.Announcement) (withdraw func(), err error) {
	d := &desk{registry: f.registry, holds: f.holds, policy: f.policy, when: a.When, wake: a.Wake}
	return f.site.Mount(httpd.Mount{Pattern: a.Pattern, Leaves: leaves(), Serve: d.serve, Lean: true}), nil
}

func (f *factory) stage(cfg Config, env pipeline.Env) (pipeline.Stage, error) {
	return &stage{cfg: cfg, env: env, registry: f.registry}, nil
}

// stage is one run of the output.
type stage struct {
	cfg      Config
	env      pipeline.Env
	registry *registry
	archive  *archive
	store    atomic.Pointer[store] // for Describe
}

// Open implements pipeline.Opener. Without its directory the stage runs without a
// window: what is live matters more.
func (s *stage) Open(context.Context) error {
	if s.cfg.Window == 0 {
		return nil
	}
	var keep map[string]bool
	if prev, _ := s.registry.find(s.env.Pipeline); prev != nil {
		keep = prev.files()
	}
	a, err := openArchive(s.cfg.Directory, s.env.Pipeline, int64(s.cfg.MaxDisk), keep, s.env.Log)
	if err != nil {
		s.env.Log.Error("viewers cannot seek back", "error", err)
		return nil
	}
	s.archive = a
	return nil
}

// Run implements pipeline.Stage.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	n := newNotes(s.env.Log)
	defer n.flush()
	st := s.registry.open(s.env.Pipeline, func(prev *store) *store {
		return newStore(run{cfg: s.cfg, token: newToken(), archive: s.archive, warn: n.fault}, prev)
	})
	s.store.Store(st)
	defer s.registry.leave(s.env.Pipeline, st, s.cfg.Linger)
	if s.archive != nil {
		defer s.archive.close()
	}
	defer watch(ctx, st.seen, p)()

	seg := newSegmenter(s.cfg, st, s.env.Epoch, n)
	in := p.In("in")
	seg.ask = func(k media.KeyframeRequest) { in.Ask(k) }
	for {
		in.Nap(s.cfg.nap(st.seen.any()))
		item, err := in.Recv(ctx)
		switch {
		case errors.Is(err, io.EOF):
			seg.finish() // whoever comes next goes on from here
			if !p.Continues() {
				st.end()
			}
			return nil
		case err != nil:
			seg.finish() // as well
			return err
		}
		seg.take(item)
	}
}

// watch reports viewers until stop is called.
func watch(ctx context.Context, v *viewers, p *pipeline.Ports) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		v.watch(ctx, p.SetViewers)
	}()
	return func() {
		cancel()
		<-ended
		p.SetViewers(0)
	}
}

var (
	_ pipeline.Announcer = (*factory)(nil)
	_ pipeline.Opener    = (*stage)(nil)
)
