package config

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
)

// The stage types of these tests look like the real ones and do nothing.

type rtmpConfig struct {
	Key   pipeline.Secret   `yaml:"key" doc:"The publish key."`
	Keys  []pipeline.Secret `yaml:"keys" doc:"More publish keys."`
	Grace time.Duration     `yaml:"grace" doc:"How long to wait for a publisher's return."`
}

func (c *rtmpConfig) Validate() error { return nil }

type whipConfig struct {
	Key   pipeline.Secret `yaml:"key" doc:"The publish key."`
	Codec string          `yaml:"codec" enum:"h264,av1" doc:"What is asked for."`
}

func (c *whipConfig) Validate() error { return nil }

type fileConfig struct {
	Path string `yaml:"path" doc:"The clip."`
	Loop bool   `yaml:"loop" doc:"Play it for ever."`
}

func (c *fileConfig) Validate() error {
	if c.Path == "" {
		return pipeline.Fieldf("path", "the file needs a name").WithHint("write path: clip.mp4")
	}
	return nil
}

type layerConfig struct {
	Name    string           `yaml:"name" doc:"Its name."`
	Height  int              `yaml:"height" doc:"In pixels."`
	Bitrate pipeline.Bitrate `yaml:"bitrate" doc:"In bit/s."`
}

type ladderConfig struct {
	Layers []layerConfig `yaml:"layers" doc:"The renditions."`
}

func (c *ladderConfig) Validate() error {
	var errs []error
	for i, l := range c.Layers {
		if l.Height%2 != 0 {
			errs = append(errs, pipeline.Fieldf("layers["+string(rune('0'+i))+"].height", "%d is odd", l.Height))
		}
	}
	return errors.Join(errs...)
}

type hlsConfig struct {
	LowLatency bool           `yaml:"low_latency" doc:"Publish parts."`
	Part       time.Duration  `yaml:"part" doc:"A part's duration."`
	Window     time.Duration  `yaml:"window" doc:"How far back viewers can go."`
	Container  string         `yaml:"container" enum:"fmp4,mpegts" doc:"The segments' container."`
	Memory     pipeline.Bytes `yaml:"memory" doc:"How much may be held."`
	Gap        *float64       `yaml:"gap" doc:"An optional number."`
	Ports      []uint16       `yaml:"ports" doc:"Some numbers."`
	Headers    map[string]string
}

func (c *hlsConfig) Validate() error {
	if c.Part > time.Second {
		return pipeline.Fieldf("part", "%s is longer than a second", c.Part).WithHint("200ms is usual")
	}
	return nil
}

type none struct{}

func (*none) Validate() error { return nil }

type idle struct{}

func (idle) Run(context.Context, *pipeline.Ports) error { return nil }

func testRegistry(t testing.TB, more ...pipeline.Factory) *pipeline.Registry {
	t.Helper()
	reg, err := pipeline.NewRegistry(append(slices.Clone(more),
		define("ingest/rtmp", pipeline.Source, func() rtmpConfig { return rtmpConfig{Grace: 10 * time.Second} }),
		define("ingest/whip", pipeline.Source, func() whipConfig { return whipConfig{Codec: "h264"} }),
		define("ingest/file", pipeline.Source, func() fileConfig { return fileConfig{} }),
		define("transcode/video", pipeline.Transform, func() ladderConfig { return ladderConfig{} }),
		define("outputs/hls", pipeline.Sink, func() hlsConfig {
			return hlsConfig{Part: 200 * time.Millisecond, Container: "fmp4"}
		}),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

func define[C any, PC interface {
	*C
	Validate() error
}](use string, role pipeline.Role, defaults func() C) pipeline.Factory {
	spec := pipeline.Spec{Type: use, Role: role, Doc: "A test's " + use + "."}
	streams := pipeline.Streams{Form: media.FormAccess}
	if role != pipeline.Source {
		spec.In = []pipeline.Port{{Name: "in", Streams: streams, Many: use == switchType}}
	} else {
		spec.Live = use != "ingest/file"
	}
	if role != pipeline.Sink {
		spec.Out = []pipeline.Port{{Name: "out", Streams: streams}}
	}
	return pipeline.Define[C, PC](spec, defaults, func(C, pipeline.Env) (pipeline.Stage, error) { return idle{}, nil })
}

// testEnv is the environment of these tests.
func testEnv(name string) (string, bool) {
	v, ok := map[string]string{"KEY": "s3cret-from-env", "PORT": "1936", "YES": "true", "EMPTY": "", "GRACE": "3s"}[name]
	return v, ok
}

func testLoader(t testing.TB, more ...pipeline.Factory) *Loader {
	t.Helper()
	return &Loader{
		Registry: testRegistry(t, more...),
		Env:      testEnv,
		ReadFile: func(name string) ([]byte, error) {
			if name == "/run/secrets/key" {
				return []byte("s3cret-from-file\n"), nil
			}
			return nil, errors.New("open " + name + ": no such file")
		},
	}
}
