package video_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/transcode/rendition"
	"weir/transcode/video"
	"weir/transcode/worker"
	"weir/transcode/worker/workertest"
)

func TestMain(m *testing.M) { workertest.Main(m) }

func host(t testing.TB) *worker.Host {
	t.Helper()
	return workertest.Host(t, worker.Config{})
}

func TestStage(t *testing.T) {
	stagetest.Run(t, video.Factory(host(t), "testdata"), stagetest.Options{})
}

// withBFrames is a track of a stream with B-frames, as x264 writes it.
func withBFrames() *media.Track {
	t := *stagetest.VideoTrack()
	t.Config = []byte("\x01\x64\x00\x0c\xff\xe1\x00\x1a\x67\x64\x00\x0c\xac\xd9\x41\x41\x9f\x9f\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\x20\xf1\x42\x99\x60\x01\x00\x06\x68\xeb\xe3\xcb\x22\xc0\xfd\xf8\xf8\x00")
	return &t
}

// withoutBFrames is a track of a stream that x264 was told to make without.
func withoutBFrames() *media.Track {
	t := *stagetest.VideoTrack()
	t.Config = []byte("\x01\x64\x00\x0c\xff\xe1\x00\x18\x67\x64\x00\x0c\xac\xb2\x02\x83\x3f\x3e\x02\x20\x00\x00\x03\x00\x20\x00\x00\x06\x41\xe2\x85\x49\x01\x00\x06\x68\xeb\xc3\xcb\x22\xc0\xfd\xf8\xf8\x00")
	return &t
}

// unsaid is a track whose parameter sets do not say whether there are B-frames.
func unsaid() *media.Track {
	t := *stagetest.VideoTrack()
	t.Config = []byte("\x01\x64\x00\x0c\xff\xe1\x00\x0b\x67\x64\x00\x0c\xac\xd9\x41\x41\x9f\x9e\x80\x01\x00\x06\x68\xeb\xe3\xcb\x22\xc0\xfd\xf8\xf8\x00")
	return &t
}

// swap shows every second picture of a movie after the one that follows it.
func swap(items []media.Item) []media.Item {
	out := slices.Clone(items)
	n := 0
	for i, it := range out {
		u, ok := it.(*media.Unit)
		if !ok || u.Kind() != media.KindVideo {
			continue
		}
		late := *u
		late.PTS += 3000
		if n%3 == 1 {
			late.PTS += 6000
		}
		n++
		out[i] = &late
	}
	return out
}

// Video with B-frames is coded anew where the consumer cannot take it, whether its
// parameter sets say so or its pictures; other video passes without a worker.
func TestNoBFrames(t *testing.T) {
	for name, c := range map[string]struct {
		track *media.Track
		swap  bool
		runs  bool
	}{
		"said":                     {withBFrames(), true, true},
		"shown":                    {unsaid(), true, true},
		"neither":                  {unsaid(), false, false},
		"said that there are none": {withoutBFrames(), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			set := stagetest.Both()
			set.Tracks[0] = c.track
			items := stagetest.Movie(set, 3*time.Second)
			if c.swap {
				items = swap(items)
			}
			got := workertest.Adapt(t, video.Factory(host(t), "testdata"), nil, items)
			if got.Inserted != "~nobframes" || (got.Status.Worker != nil) != c.runs {
				t.Errorf("%q, %+v", got.Inserted, got.Status)
			}
			if len(got.Units) < 140+30 { // the worker here makes no order of pictures
				t.Errorf("%d units", len(got.Units))
			}
		})
	}
}

// Of a ladder whose highest layer has B-frames only that one is coded anew. Without a
// worker, the others are left.
func TestNoBFramesInALadder(t *testing.T) {
	for cores, want := range map[float64]map[int8]int{8: {0: 21, 1: 60}, 0.001: {1: 60}} {
		set := stagetest.Both()
		track := *withBFrames()
		low := withoutBFrames()
		track.Layers = []media.Layer{{Name: "hd", Width: 640, Height: 360}, {Name: "sd", Width: 320, Height: 180, Config: low.Config}}
		set.Tracks[0] = &track
		var items []media.Item
		for _, it := range swap(stagetest.Movie(set, 2*time.Second)) {
			items = append(items, it)
			if u, ok := it.(*media.Unit); ok && u.Kind() == media.KindVideo {
				other := *u
				other.Layer, other.PTS = 1, u.DTS
				items = append(items, &other)
			}
		}
		h := workertest.Host(t, worker.Config{Cores: cores})
		got := workertest.Adapt(t, video.Factory(h, "testdata"), nil, items)
		per := make(map[int8]int)
		for _, u := range got.Units {
			if u.Kind() == media.KindVideo {
				per[u.Layer]++
			}
		}
		if !maps.Equal(per, want) {
			t.Errorf("%g cores: pictures %v, want %v; %+v", cores, per, want, got.Status)
		}
		if layers := got.Sets[len(got.Sets)-1].Track("video").Layers; len(layers) != 2 || layers[0].Name != "hd" {
			t.Errorf("layers %+v", layers)
		}
	}
}

// H.265 becomes H.264 in front of a consumer that lacks it, and AV1 passes to one that
// does not.
func TestH264(t *testing.T) {
	for codec, runs := range map[media.Codec]bool{media.CodecH265: true, media.CodecAV1: false} {
		set := stagetest.Both()
		other := *set.Tracks[0]
		other.Codec = codec
		set.Tracks[0] = &other
		takes := []media.Codec{media.CodecH264, media.CodecAV1, media.CodecAAC, media.CodecOpus, media.CodecMP3}
		got := workertest.Adapt(t, video.Factory(host(t), "testdata"), takes, stagetest.Movie(set, 2*time.Second))
		if got.Inserted != "~h264 ~nobframes" || (got.Status.Worker != nil) != runs {
			t.Errorf("%v: %q, %+v", codec, got.Inserted, got.Status)
		}
		for _, u := range got.Units {
			if u.Track.Codec == media.CodecH265 {
				t.Fatal("H.265 goes through")
			}
		}
	}
}

// A ladder has the source as a layer, and the others beside it; without a worker, the
// source alone.
func TestLadder(t *testing.T) {
	for name, c := range map[string]struct {
		cores  float64
		layers []string
	}{
		"all":                 {8, []string{"hd", "sd", "ld"}},
		"without any workers": {0.001, []string{"hd"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := workertest.Host(t, worker.Config{Cores: c.cores})
			units, set := ladder(t, video.Factory(h, "testdata"), stagetest.Movie(stagetest.Both(), 3*time.Second))
			var names []string
			for _, l := range set.Track("video").Layers {
				names = append(names, l.Name)
				if l.Config == nil {
					t.Errorf("layer %s has no configuration", l.Name)
				}
			}
			if !slices.Equal(names, c.layers) {
				t.Errorf("layers %q, want %q", names, c.layers)
			}
			per := make(map[int8]int)
			for _, u := range units {
				if u.Kind() == media.KindVideo {
					per[u.Layer]++
				}
			}
			for i := range c.layers {
				if per[int8(i)] != 90 {
					t.Errorf("%d pictures of layer %d", per[int8(i)], i)
				}
			}
		})
	}
}

// ladder plays items through a stage of three layers.
func ladder(t *testing.T, f pipeline.Factory, items []media.Item) (units []*media.Unit, last *media.TrackSet) {
	t.Helper()
	cfg, _ := f.Config().(*video.Config)
	cfg.Layers = []video.Layer{
		{Layer: rendition.Layer{Name: "hd"}, Source: true},
		{Layer: rendition.Layer{Name: "sd", Height: 240}},
		{Layer: rendition.Layer{Name: "ld", Height: 120}},
	}
	if err := f.Check(cfg); err != nil {
		t.Fatal(err)
	}
	sink := &stagetest.Collector{}
	source := stagetest.Stage(
		pipeline.Spec{Type: "test/source", Role: pipeline.Source, Live: true, Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{Form: media.FormAccess}}}},
		func(ctx context.Context, p *pipeline.Ports) error {
			for _, it := range items {
				if err := stagetest.Put(ctx, p.Out("out"), it); err != nil {
					return err
				}
			}
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			deadline := time.After(20 * time.Second)
			for len(sink.Units()) < 100 { // until the worker, or that there is none, is known
				select {
				case <-tick.C:
				case <-deadline:
					return nil
				}
			}
			return nil
		})
	reg, err := pipeline.NewRegistry(source, f, sink.Factory())
	if err != nil {
		t.Fatal(err)
	}
	pattern, _ := pipeline.ParsePattern("live/test")
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, Stages: []pipeline.StageDef{
		{Name: "source", Use: "test/source", Config: &stagetest.NoConfig{}, Restart: pipeline.RestartNever},
		{Name: "ladder", Use: video.Type, Config: cfg, From: []pipeline.From{{Stage: "source"}}},
		{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "ladder"}}},
	}}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	g := pipeline.NewGraph(plan, pipeline.Options{Path: "live/test", Log: quiet(), Drain: 10 * time.Second})
	g.Run(t.Context())
	for _, it := range sink.Items() {
		switch it := it.(type) {
		case *media.TrackSet:
			last = it
		case *media.Unit:
			units = append(units, it)
		}
	}
	return units, last
}

// quiet is a log that nobody reads.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestValidate(t *testing.T) {
	good := func() video.Config {
		c, _ := video.Factory(nil, "").Config().(*video.Config)
		return *c
	}
	for name, change := range map[string]func(*video.Config){
		"codec":      func(c *video.Config) { c.Codec = "vp8" },
		"keyframes":  func(c *video.Config) { c.KeyframeEvery = time.Minute },
		"preset":     func(c *video.Config) { c.Preset = "placebo" },
		"hw":         func(c *video.Config) { c.HW = "abacus" },
		"no layers":  func(c *video.Config) { c.Layers = nil },
		"no name":    func(c *video.Config) { c.Layers[1].Name = "" },
		"same name":  func(c *video.Config) { c.Layers[1].Name = "hd" },
		"two":        func(c *video.Config) { c.Layers[1] = video.Layer{Layer: rendition.Layer{Name: "x"}, Source: true} },
		"only":       func(c *video.Config) { c.Layers = c.Layers[:1] },
		"size":       func(c *video.Config) { c.Layers[0].Height = 360 },
		"odd":        func(c *video.Config) { c.Layers[1].Height = 361 },
		"frame rate": func(c *video.Config) { c.Layers[1].FPS = 500 },
		"bitrate":    func(c *video.Config) { c.Layers[1].Bitrate = 10 },
		"both":       func(c *video.Config) { c.Overlays = []video.Overlay{{Text: "a", Picture: "b.png"}} },
		"neither":    func(c *video.Config) { c.Overlays = []video.Overlay{{X: 5}} },
		"outside":    func(c *video.Config) { c.Overlays = []video.Overlay{{Text: "a", X: 101}} },
		"colour":     func(c *video.Config) { c.Overlays = []video.Overlay{{Text: "a", Color: "red"}} },
		"no such":    func(c *video.Config) { c.Overlays = []video.Overlay{{Text: "{hour}"}} },
		"overlays":   func(c *video.Config) { c.Overlays = make([]video.Overlay, 100) },
	} {
		c := good()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s: %+v is accepted", name, c)
		}
	}
}

// Overlays change without a restart; what changes pictures does not.
func TestReconfigure(t *testing.T) {
	f := video.Factory(host(t), "testdata")
	s, err := f.New(f.Config(), pipeline.Env{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := s.(pipeline.Reconfigurer)
	cfg, _ := f.Config().(*video.Config)
	cfg.Overlays = []video.Overlay{{Text: "{clock}"}}
	if done, err := r.Reconfigure(cfg); !done || err != nil {
		t.Errorf("overlays: %v, %v", done, err)
	}
	cfg, _ = f.Config().(*video.Config)
	cfg.Preset = "fast"
	if done, err := r.Reconfigure(cfg); done || err != nil {
		t.Errorf("a preset: %v, %v", done, err)
	}
}
