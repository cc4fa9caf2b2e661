package video

import (
	"context"
	_ "embed"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/wire"
	"weir/transcode/worker"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "transcode/video"

// Factory makes the stages of type transcode/video, whose workers host runs.
func Factory(host *worker.Host) pipeline.Factory {
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
				Why: "H264 is made of it", Config: inserted(lacking),
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
		return &stage{worker.Converter{
			Host: host, Recipe: newRecipe(&c), Log: env.Log,
			Job: wire.Job{Version: wire.Version, Stage: env.Pipeline + "/" + env.Stage, Video: c.job()},
		}}, nil
	})
}

type stage struct{ converter worker.Converter }

// Run implements pipeline.Stage.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error { return s.converter.Run(ctx, p) }

// Describe implements pipeline.Describer.
func (s *stage) Describe() any { return s.converter.Status() }

var (
	_ pipeline.Stage     = (*stage)(nil)
	_ pipeline.Describer = (*stage)(nil)
)
