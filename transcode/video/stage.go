package video

import (
	"context"
	_ "embed"
	"reflect"
	"sync"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/wire"
	"weir/transcode/worker"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "transcode/video"

// Factory makes the stages of type transcode/video, whose workers host runs. Overlays are
// read beneath the directory files.
func Factory(host *worker.Host, files string) pipeline.Factory {
	access := pipeline.Streams{Form: media.FormAccess}
	spec := pipeline.Spec{
		Type: Type, Role: pipeline.Transform,
		In: []pipeline.Port{{Name: "in", Streams: access}},
		// Whether a source layer has B-frames is not known before it comes.
		Out: []pipeline.Port{{Name: "out", Streams: access}},
		Converts: []pipeline.Conversion{
			{
				Name: "h264", Kind: media.KindVideo,
				From: pipeline.Streams{
					Form:   media.FormAccess,
					Codecs: []media.Codec{media.CodecH265, media.CodecAV1, media.CodecVP8, media.CodecVP9},
				},
				To:  pipeline.Streams{Form: media.FormAccess, Codecs: []media.Codec{media.CodecH264}},
				Why: "H.264 is made of it", Config: inserted(lacking),
			},
			{
				Name: "nobframes", Kind: media.KindVideo,
				From: access, To: pipeline.Streams{Form: media.FormAccess, Without: pipeline.BFrames},
				Why: "video with B-frames is coded anew without them; other video passes", Config: inserted(nobframes),
			},
		},
		Doc: "Codes pictures anew, as H.264 in several layers.", Example: example,
	}
	return pipeline.Define(spec, defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		s := &stage{config: c, screen: &screen{files: files, log: env.Log}, path: env.Pipeline, inserted: c.convert != declared}
		s.converter = worker.Converter{
			Host: host, Recipe: newRecipe(&c), Log: env.Log, Attend: s.screen.attend,
			Job: wire.Job{Version: wire.Version, Stage: env.Pipeline + "/" + env.Stage, Video: c.job()},
		}
		return s, nil
	})
}

type stage struct {
	converter worker.Converter
	screen    *screen
	path      string
	inserted  bool

	mu     sync.Mutex // guards config
	config Config
}

// Run implements pipeline.Stage.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	if s.inserted {
		return s.converter.Run(ctx, p)
	}
	s.mu.Lock()
	s.show()
	s.mu.Unlock()
	showing, stop := context.WithCancel(ctx)
	var screen sync.WaitGroup
	defer screen.Wait()
	defer stop()
	screen.Go(func() { s.screen.run(showing) })
	return s.converter.Run(ctx, p)
}

// show shows the configured overlays. The caller holds s.mu.
func (s *stage) show() {
	title := s.config.Title
	if title == "" {
		title = s.path
	}
	s.screen.change(s.config.Overlays, title)
}

// Reconfigure implements pipeline.Reconfigurer: overlays change while pictures run.
func (s *stage) Reconfigure(cfg any) (bool, error) {
	next, ok := cfg.(*Config)
	if !ok {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	same := *next
	same.Overlays, same.Title = s.config.Overlays, s.config.Title
	if !reflect.DeepEqual(same, s.config) {
		return false, nil
	}
	s.config = *next
	s.show()
	return true, nil
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any { return s.converter.Status() }

var (
	_ pipeline.Stage        = (*stage)(nil)
	_ pipeline.Describer    = (*stage)(nil)
	_ pipeline.Reconfigurer = (*stage)(nil)
)
