package audio

import (
	"context"
	_ "embed"

	"weir/pipeline"
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
	"weir/transcode/rendition"
	"weir/transcode/wire"
	"weir/transcode/worker"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "transcode/audio"

// Factory makes the stages of type transcode/audio, whose workers host runs.
func Factory(host *worker.Host) pipeline.Factory {
	access := pipeline.Streams{Form: media.FormAccess}
	sound := func(codecs ...media.Codec) pipeline.Streams {
		return pipeline.Streams{Form: media.FormAccess, Codecs: codecs}
	}
	spec := pipeline.Spec{
		Type: Type, Role: pipeline.Transform,
		In:  []pipeline.Port{{Name: "in", Streams: access}},
		Out: []pipeline.Port{{Name: "out", Streams: access}},
		Converts: []pipeline.Conversion{
			{
				Name: "aac", Kind: media.KindAudio, From: sound(media.CodecOpus, media.CodecMP3), To: sound(media.CodecAAC),
				Why: "AAC is made of it", Config: inserted("aac"),
			},
			{
				Name: "opus", Kind: media.KindAudio, From: sound(media.CodecAAC, media.CodecMP3), To: sound(media.CodecOpus),
				Why: "Opus is made of it", Config: inserted("opus"),
			},
		},
		Doc: "Codes sound anew, as Opus or AAC.", Example: example,
	}
	return pipeline.Define(spec, defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		return &stage{worker.Converter{
			Host: host, Recipe: recipe{&c}, Log: env.Log,
			Job: wire.Job{
				Version: wire.Version, Stage: env.Pipeline + "/" + env.Stage, Threads: 1,
				Audio: c.Audio(),
			},
		}}, nil
	})
}

type stage struct{ converter worker.Converter }

// Run implements pipeline.Stage.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error { return s.converter.Run(ctx, p) }

// Describe implements pipeline.Describer.
func (s *stage) Describe() any { return s.converter.Status() }

// recipe implements worker.Recipe.
type recipe struct{ *Config }

// Needs implements worker.Recipe.
func (r recipe) Needs(t *media.Track) bool { return r.converts(t.Codec) }

// Proves implements worker.Recipe: what sound is does not show in its units.
func (recipe) Proves(*media.Unit) bool { return false }

// Source implements worker.Recipe.
func (recipe) Source(*media.Track) (layer int8, alone *media.Track) { return worker.NoSource, nil }

// Cores implements worker.Recipe.
func (recipe) Cores(tracks []*media.Track) float64 { return rendition.PerSound * float64(len(tracks)) }

// lookAhead is how many samples libopus is late.
const lookAhead = 312

// Made implements worker.Recipe. Opus is always the same, so that whoever plays it need
// not wait for the worker to say so.
func (r recipe) Made(in, made *media.Track) *media.Track {
	out := *in
	if r.MediaCodec() != media.CodecOpus {
		if made == nil {
			return nil
		}
		out.Codec, out.Rate, out.Channels, out.Config = made.Codec, made.Rate, made.Channels, made.Config
		return &out
	}
	out.Codec, out.Rate = media.CodecOpus, media.OpusRate
	switch {
	case made != nil:
		out.Channels = made.Channels
	case r.Channels > 0:
		out.Channels = r.Channels
	default:
		out.Channels = min(max(1, in.Channels), 2)
	}
	out.Config = bitstream.OpusHead(out.Channels, lookAhead)
	return &out
}

var (
	_ pipeline.Stage     = (*stage)(nil)
	_ pipeline.Describer = (*stage)(nil)
	_ worker.Recipe      = recipe{}
)
