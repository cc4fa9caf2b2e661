package hls

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// withWindow is a studio with a window of a minute.
func withWindow(t *testing.T) *studio {
	t.Helper()
	dir := t.TempDir()
	s := newStudio(t, func(c *Config) { c.Window, c.Directory, c.Segments = time.Minute, dir, 3 })
	s.reopen(t, "windowed")
	return s
}

// reopen starts another run, with an archive.
func (s *studio) reopen(t *testing.T, token string) {
	t.Helper()
	var keep map[string]bool
	if prev, _ := s.registry.find(testPath); prev != nil {
		keep = prev.files()
	}
	a, err := openArchive(s.cfg.Directory, testPath, int64(s.cfg.MaxDisk), keep, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.archive = a
	s.open(t, token)
	t.Cleanup(a.close)
}

// files are the names in the window's directory.
func (s *studio) files(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.cfg.Directory, "live+studio", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	return names
}

// settle waits until the archive has nothing to do.
func (a *archive) settle(t *testing.T) {
	t.Helper()
	for deadline := time.After(5 * time.Second); ; {
		a.mu.Lock()
		idle := len(a.writes)+len(a.gone) == 0 && !a.busy
		a.mu.Unlock()
		if idle {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the archive is not done")
		case <-time.After(time.Millisecond):
		}
	}
}

// feedSlowly lets the disk keep up, as it does at the pace of a live stream.
func (s *studio) feedSlowly(t *testing.T, items []media.Item) {
	t.Helper()
	for i, item := range items {
		s.take(item)
		if i%40 == 0 {
			s.archive.settle(t)
		}
	}
	s.archive.settle(t)
}

func TestWindow(t *testing.T) {
	s := withWindow(t)
	both := stagetest.Both()
	set, _ := clip(t, "h264-aac.mp4")
	both.Tracks[0].Config = set.Track("video").Config
	s.feedSlowly(t, movie(both, 0, 90*time.Second))
	lists := s.check(t)
	l := lists["video"]
	if n := len(l.segments); n != 30 || l.segments[0].msn != 15 {
		t.Errorf("%d segments from %d on", n, l.segments[0].msn)
	}
	inMemory := 0
	for _, seg := range s.store.find("video").load().segments {
		if seg.parts != nil {
			inMemory++
		}
	}
	if inMemory != 6 {
		t.Errorf("%d segments in memory", inMemory)
	}
	if n := len(s.files(t)); n != 2*(30+3) {
		t.Errorf("%d files: %v", n, s.files(t))
	}
	old := l.segments[0].name
	whole := s.text(t, old)
	if w := s.respond(t, http.MethodGet, old, "Range: bytes=100-199"); w.Body.String() != whole[100:200] {
		t.Errorf("a range of a file: %d, %d bytes", w.Code, w.Body.Len())
	}
	if full, delta := s.text(t, "video.m3u8"), s.text(t, "video.m3u8?_HLS_skip=YES"); len(delta) > len(full)*2/3 ||
		!strings.Contains(delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=24\n") {
		t.Errorf("a delta update of %d bytes for %d:\n%s", len(delta), len(full), delta)
	}

	// A restarted stage goes on with the files, and others go with the stream.
	if err := os.WriteFile(filepath.Join(s.cfg.Directory, "live+studio", "video-crashed-1.m4s"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.finish()
	s.archive.settle(t)
	s.archive.close()
	s.reopen(t, "second")
	s.feedSlowly(t, movie(both, 92*time.Second, 10*time.Second))
	lists = s.check(t)
	if n := len(lists["video"].segments); n < 29 || lists["video"].segments[0].name != "video-windowed-21.m4s" {
		t.Errorf("%d segments from %s on", n, lists["video"].segments[0].name)
	}
	s.end()
	s.archive.close()
	s.registry.leave(testPath, s.store, 0)
	for deadline := time.After(5 * time.Second); len(s.files(t)) > 0; {
		select {
		case <-deadline:
			t.Fatalf("files are left: %v", s.files(t))
		case <-time.After(time.Millisecond):
		}
	}
}

// A disk that cannot be written to costs the window, not the stream.
func TestWindowOnBadDisk(t *testing.T) {
	s := withWindow(t)
	s.archive.root.Close()
	both := stagetest.Both()
	set, _ := clip(t, "h264-aac.mp4")
	both.Tracks[0].Config = set.Track("video").Config
	s.feedSlowly(t, movie(both, 0, 30*time.Second))
	l := s.check(t)["video"]
	gaps := 0
	for _, seg := range l.segments {
		if seg.gap {
			gaps++
		}
	}
	if len(l.segments) != 14 || gaps != 8 {
		t.Errorf("%d segments, %d gaps", len(l.segments), gaps)
	}
}

// The window is shorter where the disk's share is used up.
func TestWindowLimit(t *testing.T) {
	s := withWindow(t)
	s.archive.limit = 200_000
	set, units := clip(t, "h264-aac.mp4")
	s.feedSlowly(t, loop(set, units, 6))
	s.check(t)
	var size int64
	for _, name := range s.files(t) {
		info, err := os.Stat(filepath.Join(s.cfg.Directory, "live+studio", name))
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 300_000 || size < 100_000 {
		t.Errorf("%d bytes on disk", size)
	}
}

// A directory that cannot be opened costs the window, too.
func TestWindowWithoutDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := defaults()
	cfg.Window, cfg.Directory = time.Minute, file
	st := &stage{cfg: cfg, env: pipeline.Env{Pipeline: testPath, Log: slog.New(slog.DiscardHandler)}, registry: newRegistry()}
	if err := st.Open(t.Context()); err != nil || st.archive != nil {
		t.Errorf("%v, %v", st.archive, err)
	}
}
