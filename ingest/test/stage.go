package test

import (
	"context"
	_ "embed"
	"sync"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/worker"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "ingest/test"

// Factory makes test sources, whose workers host runs.
func Factory(host *worker.Host) pipeline.Factory {
	spec := pipeline.Spec{
		Type: Type, Role: pipeline.Source, Live: true,
		Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{
			Form:    media.FormAccess,
			Codecs:  []media.Codec{media.CodecH264, media.CodecOpus, media.CodecAAC},
			Without: pipeline.BFrames,
		}}},
		Doc: "Makes bars, a clock and a tone, with a bar code of each picture's number.", Example: example,
	}
	return pipeline.Define(spec, defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		f := &feed{want: c.tracks()}
		f.Session = host.NewSession(c.job(env.Pipeline+"/"+env.Stage, env.Epoch), c.cores(), f, env.Log)
		return &stage{f}, nil
	})
}

type stage struct{ feed *feed }

// Run implements pipeline.Stage.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	s.feed.ctx, s.feed.out = ctx, p.Out("out")
	listening, stop := context.WithCancel(ctx)
	var listener sync.WaitGroup
	defer listener.Wait()
	defer stop()
	listener.Go(func() { s.feed.listen(listening) })
	if err := s.feed.Run(ctx); err != nil {
		return pipeline.Fail(pipeline.Config, "draw", err)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any { return s.feed.Status() }

var (
	_ pipeline.Stage     = (*stage)(nil)
	_ pipeline.Describer = (*stage)(nil)
)
