package record

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/record/spool"
)

// record gives items to a recorder and returns the manifests in its store, oldest first,
// with their directories.
func record(t *testing.T, configure func(*Config), items ...media.Item) (ms []*spool.Manifest, dirs []string) {
	t.Helper()
	dir := t.TempDir()
	cfg := defaults()
	cfg.Store.Dir, cfg.Spool, cfg.Reserve, cfg.Segment = filepath.Join(dir, "store"), filepath.Join(dir, "spool"), 1, 2*time.Second
	configure(&cfg)
	depot := NewDepot(slog.New(slog.NewTextHandler(t.Output(), nil)), nil)
	box, err := depot.open(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	env := pipeline.Env{Pipeline: "live/a", Stage: "keep", Epoch: time.Unix(1e9, 0), Log: depot.log}
	r := &recorder{cfg: cfg, env: env, open: box.Record, note: &notes{log: depot.log}, ask: func(media.KeyframeRequest) {}, waiting: true}
	for _, item := range items {
		r.take(item)
	}
	if w := r.stop("over"); w != nil {
		<-w.Ended()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	depot.Close(ctx)
	names, err := filepath.Glob(filepath.Join(dir, "store", "live", "a", "*", "*", "*", "*", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m, err := spool.ReadManifest(f)
		if err != nil {
			t.Fatal(err)
		}
		ms, dirs = append(ms, m), append(dirs, filepath.Dir(name))
	}
	return ms, dirs
}

// What becomes of a recording is told: that it began, that its segments are in the store,
// and that it is complete, last of all.
func TestTellsWhatBecomesOfIt(t *testing.T) {
	var mu sync.Mutex
	var told []string
	var last pipeline.Milestone
	dir := t.TempDir()
	cfg := defaults()
	cfg.Store.Dir, cfg.Spool, cfg.Reserve, cfg.Segment = filepath.Join(dir, "store"), filepath.Join(dir, "spool"), 1, 2*time.Second
	depot := NewDepot(slog.New(slog.DiscardHandler), func(m pipeline.Milestone) {
		mu.Lock()
		defer mu.Unlock()
		told, last = append(told, m.Type), m
		if m.Stream != "live/a" || m.Stage != "keep" {
			t.Errorf("%+v", m)
		}
	})
	box, err := depot.open(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	env := pipeline.Env{Pipeline: "live/a", Stage: "keep", Epoch: time.Unix(1e9, 0), Log: depot.log}
	r := &recorder{cfg: cfg, env: env, open: box.Record, note: &notes{log: depot.log}, ask: func(media.KeyframeRequest) {}, waiting: true}
	for _, item := range stagetest.Movie(stagetest.Both(), 5*time.Second) {
		r.take(item)
	}
	<-r.stop("over").Ended()
	depot.Close(t.Context())
	mu.Lock()
	defer mu.Unlock()
	n := len(told)
	if n < 3 || told[0] != "recording.started" || told[n-1] != "recording.completed" {
		t.Fatal(told)
	}
	for _, kind := range told[1 : n-1] {
		if kind != "recording.segment.ready" {
			t.Error(told)
		}
	}
	if data, ok := last.Data.(map[string]any); !ok || data["reason"] != "over" || data["duration_seconds"].(float64) < 4 { //nolint:forcetypeassert // as told
		t.Errorf("%+v", last)
	}
}

func text(t *testing.T, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A publisher who comes back with other parameters goes on in the same recording, behind
// a discontinuity, and time goes on as it did.
func TestComesBack(t *testing.T) {
	other := stagetest.VideoTrack()
	other.Layers[0].Width, other.Layers[0].Height = 320, 180
	other.Config = append(append([]byte(nil), other.Config...), 0)
	second := &media.TrackSet{Version: 2, Tracks: []*media.Track{other, stagetest.AudioTrack()}}
	items := stagetest.Movie(stagetest.Both(), 5*time.Second)
	items = append(items, stagetest.MovieFrom(second, 8*time.Second, 4*time.Second)...)
	ms, dirs := record(t, func(*Config) {}, items...)
	if len(ms) != 1 {
		t.Fatalf("%d recordings", len(ms))
	}
	list := text(t, dirs[0], "media", "index.m3u8")
	if strings.Count(list, "#EXT-X-DISCONTINUITY\n") != 1 || strings.Count(list, "EXT-X-MAP") != 2 {
		t.Error(list)
	}
	first := ms[0].Segments[0].Start
	last := ms[0].Segments[len(ms[0].Segments)-1]
	if got := last.Start.Sub(first); got != 10*time.Second {
		t.Errorf("the last segment starts %v after the first", got)
	}
	if ms[0].Seconds < 8.9 || ms[0].Seconds > 9.1 {
		t.Errorf("%v s", ms[0].Seconds)
	}
}

// Where a timeline ends, all tracks end together, though the publisher's did not.
func TestEndsTogether(t *testing.T) {
	var items []media.Item
	for _, item := range stagetest.Movie(stagetest.Both(), 5*time.Second) {
		if u, ok := item.(*media.Unit); !ok || u.Kind() == media.KindVideo || u.Time() < 4700*time.Millisecond {
			items = append(items, item)
		}
	}
	ms, dirs := record(t, func(*Config) {}, items...)
	last := ms[0].Segments[len(ms[0].Segments)-1]
	b := text(t, dirs[0], "media", last.URI)
	ends := make(map[uint32]time.Duration)
	if _, err := fmp4.Scan(strings.NewReader(b), int64(len(b)), func(f fmp4.Fragment) error {
		for _, r := range f.Runs {
			rate := media.Rate(ms[0].Inits[0].Tracks[r.Number-1].Rate)
			ends[r.Number] = rate.Duration(r.DTS + r.Duration())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if off := ends[1] - ends[2]; len(ends) != 2 || off < -time.Millisecond || off > time.Millisecond {
		t.Errorf("tracks end at %v", ends)
	}
}

// Layers and several sounds have files of their own, and one playlist leads to them.
func TestLayers(t *testing.T) {
	video, second := stagetest.VideoTrack(), stagetest.AudioTrack()
	video.Layers = []media.Layer{{Name: "hd", Width: 640, Height: 360, FPS: 30}, {Name: "sd", Width: 320, Height: 180, FPS: 30}}
	second.ID, second.Language = "audio2", "fr"
	set := &media.TrackSet{Version: 1, Tracks: []*media.Track{video, stagetest.AudioTrack(), second}}
	var items []media.Item
	for _, item := range stagetest.Movie(set, 5*time.Second) {
		items = append(items, item)
		if u, ok := item.(*media.Unit); ok && u.Track == video {
			low := *u
			low.Layer = 1
			items = append(items, &low)
		}
	}
	ms, dirs := record(t, func(*Config) {}, items...)
	if len(ms) != 1 {
		t.Fatalf("%d recordings", len(ms))
	}
	list := text(t, dirs[0], "media", "index.m3u8")
	for _, want := range []string{"video-hd.m3u8", "video-sd.m3u8", `URI="audio.m3u8"`, `LANGUAGE="fr",URI="audio2.m3u8"`, "RESOLUTION=320x180"} {
		if !strings.Contains(list, want) {
			t.Errorf("%s is missing:\n%s", want, list)
		}
	}
	if list := text(t, dirs[0], "media", "audio2.m3u8"); strings.Count(list, "EXTINF") != 3 || !strings.HasSuffix(list, "ENDLIST\n") {
		t.Error(list)
	}
	ms, _ = record(t, func(c *Config) { c.Layers = "sd" }, items...)
	for _, s := range ms[0].Segments {
		if s.Rendition == "video-hd" {
			t.Errorf("%s was not wanted", s.URI)
		}
	}
}

// A long stream is several recordings, with no picture lost in between.
func TestSplit(t *testing.T) {
	ms, _ := record(t, func(c *Config) { c.Split.Every = time.Minute }, stagetest.Movie(stagetest.Both(), 150*time.Second)...)
	if len(ms) != 3 {
		t.Fatalf("%d recordings", len(ms))
	}
	for i, m := range ms {
		want := []float64{60, 60, 30}[i]
		if m.Seconds < want-0.01 || m.Seconds > want+0.03 {
			t.Errorf("recording %d: %v s instead of %v", i, m.Seconds, want)
		}
		if at := m.Started.Sub(ms[0].Started); at != time.Duration(i)*time.Minute {
			t.Errorf("recording %d starts after %v", i, at)
		}
	}
}

func TestTemplates(t *testing.T) {
	at := place{stream: "live/a", session: "S", seq: 3, start: time.Date(2026, 11, 28, 9, 6, 17, 0, time.UTC), vars: map[string]string{"name": "a"}}
	for template, want := range map[string]string{
		"{stream}/{start:%Y/%m/%d/%H%M%S}Z-{session}": "live/a/2026/11/28/090617Z-S",
		"{name}/{start}-{seq}-{session}":              "a/20261128T090617Z-003-S",
		"{nobody}/{session}":                          "{nobody}/S",
	} {
		if got := expand(template, at); got != want {
			t.Errorf("%s: %s", template, got)
		}
	}
	for _, bad := range []string{"{stream}", "../{session}", "/{session}", "{session}/", "{start:%q}/{session}", ""} {
		if checkTemplate(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
