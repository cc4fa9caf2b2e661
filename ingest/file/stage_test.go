package file

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStage(t *testing.T) {
	stagetest.Run(t, Factory(clips), stagetest.Options{Configure: func(_ *testing.T, cfg any) {
		c, _ := cfg.(*Config)
		c.Path = "h264-bframes-aac.mp4"
	}})
}

// graph is a running file source and what it sends.
func graph(t *testing.T, root string, c Config) (*pipeline.Graph, *stagetest.Collector) {
	t.Helper()
	sink := &stagetest.Collector{}
	reg, err := pipeline.NewRegistry(Factory(root), sink.Factory())
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := pipeline.ParsePattern("live/file")
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, Stages: []pipeline.StageDef{
		{Name: "source", Use: "ingest/file", Config: &c, Restart: pipeline.RestartNever},
		{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "source"}}},
	}}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	return pipeline.NewGraph(plan, pipeline.Options{Path: "live/file", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}), sink
}

// Units leave when they are due, on the epoch of the instance, over a seam.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, sink := graph(t, clips, Config{Path: "h264-aac.mp4", Loop: true})
		epoch := g.Snapshot().Epoch
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		g.Run(ctx)

		var video, audio int
		for _, u := range sink.Units() {
			// Half a unit of sound is what it may be moved by at the seam.
			if off := u.Arrived.Sub(epoch) - u.Time(); off < -20*time.Microsecond || off > 11*time.Millisecond {
				t.Fatalf("the unit of %v was sent %v late", u.Time(), off)
			}
			if u.Flags.Has(media.Discontinuity) {
				t.Errorf("a discontinuity at %v", u.Time())
			}
			if u.Kind() == media.KindVideo {
				video++
			} else {
				audio++
			}
		}
		// The picture starts when the sound's first unit, which holds the encoder's
		// delay of 1024 samples, has ended.
		if video != 600 || audio != 938 {
			t.Errorf("%d pictures and %d units of sound in 20 s", video, audio)
		}
		sets := 0
		for _, item := range sink.Items() {
			if s, ok := item.(*media.TrackSet); ok {
				sets++
				ids := []media.TrackID{s.Tracks[0].ID, s.Tracks[1].ID}
				if !slices.Equal(ids, []media.TrackID{"video", "audio"}) {
					t.Errorf("tracks %v", ids)
				}
			}
		}
		if sets != 1 {
			t.Errorf("%d sets of tracks", sets)
		}
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, sink := graph(t, clips, Config{Path: "video-only.mp4"})
		began := time.Now()
		g.Run(t.Context())
		if n := len(sink.Units()); n != 180 || time.Since(began) > 6*time.Second {
			t.Errorf("%d units in %v", n, time.Since(began))
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"text": "hello", "empty": "", "cut.mp4": "\x00\x00\x00\x10ftypisom", "cut.flv": "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		kind pipeline.Kind
		text string
	}{
		"text":    {pipeline.Format, "open: text: cannot be played: it is neither MP4 nor FLV"},
		"empty":   {pipeline.Format, "open: empty: cannot be played: it is neither MP4 nor FLV"},
		"cut.mp4": {pipeline.Format, "malformed MP4"},
		"cut.flv": {pipeline.Format, "neither picture nor sound"},
		"none":    {pipeline.Config, "no such file"},
		"link":    {pipeline.Config, "path escapes from parent"},
	} {
		stage, err := Factory(dir).New(&Config{Path: path}, pipeline.Env{})
		if err != nil {
			t.Fatal(err)
		}
		o, _ := stage.(pipeline.Opener)
		err = o.Open(t.Context())
		if err == nil || pipeline.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: %v (%v)", path, err, pipeline.KindOf(err))
		}
	}
}

func TestValidate(t *testing.T) {
	for path, ok := range map[string]bool{
		"a.mp4": true, "dir/a.flv": true, "": false, "../a.mp4": false, "/etc/passwd": false, "a/../../b": false,
	} {
		err := (&Config{Path: path}).Validate()
		var field *pipeline.FieldError
		if (err == nil) != ok || err != nil && (!errors.As(err, &field) || field.Field != "path") {
			t.Errorf("%q: %v", path, err)
		}
	}
}
