package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/control/api"
	"weir/record"
)

// TestRecordings: what is in the default store is listed, opened and deleted, also when
// no stage records there any more.
func TestRecordings(t *testing.T) {
	t.Chdir(t.TempDir())
	const prefix = "live/studio/2026/11/28/150835Z-01M8HB6X499G4S171N80Z550JA"
	put := func(name, text string) {
		t.Helper()
		file := filepath.Join(defaultStore, prefix, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	event := `{"data": {"session": "01M8HB6X499G4S171N80Z550JA", "pipeline": "live/studio", "started": "2026-11-28T15:08:35Z", "ended": "2026-11-28T15:09:35Z", "duration_seconds": 60, "bytes": 10}}`
	put("events/recording-started.json", event)
	put("events/recording-ended.json", event)
	put("manifest.json", "{}")
	put("media/index.m3u8", "#EXTM3U\n")
	put("media/video+audio/000000.m4s", "0123456789")
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	r := newRecordings(record.NewDepot(log, nil), "", log)
	all, err := r.List(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	c := all[0]
	if c.State != "complete" || c.Stream != "live/studio" || c.Segments != 1 || c.Prefix != prefix || c.Export != nil {
		t.Errorf("%+v", c)
	}
	f, err := r.Open(t.Context(), c.ID, "video+audio/000000.m4s", false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size != 10 || f.Type != "video/mp4" || !f.Fixed {
		t.Error(size, err, f.Type)
	}
	if _, err := f.Seek(7, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(f); string(rest) != "789" || err != nil {
		t.Errorf("%s %v", rest, err)
	}
	for _, name := range []string{"../manifest.json", "none.m4s", ""} {
		if _, err := r.Open(t.Context(), c.ID, name, false); !errors.Is(err, api.ErrNoRecording) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := r.Open(t.Context(), c.ID, "export.mp4", true); !errors.Is(err, api.ErrNoRecording) {
		t.Error(err)
	}
	if _, err := r.Export(t.Context(), "none"); !errors.Is(err, api.ErrNoRecording) {
		t.Error(err)
	}
	if e, err := r.Export(t.Context(), c.ID); err != nil || e.State != "pending" {
		t.Error(e, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for e := r.exports.of(c.ID); e.State == "pending"; e = r.exports.of(c.ID) { // of a manifest that is none
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal("the export never ends")
		}
	}
	if e := r.exports.of(c.ID); e.State != "failed" || e.Message == "" {
		t.Errorf("%+v", e)
	}
	if err := r.Delete(t.Context(), c.ID); err != nil {
		t.Error(err)
	}
	if all, err := r.List(t.Context()); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
	detail := record.Detail{Session: "S", Seconds: 3}
	if c, under := r.UnderWay(detail); !under || c.ID != "S" {
		t.Errorf("%+v", c)
	}
	if _, under := r.UnderWay("something else"); under {
		t.Error("anything is a recording")
	}
}
