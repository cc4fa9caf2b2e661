package platform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
)

func TestBuiltIn(t *testing.T) {
	for _, name := range []string{"youtube", "twitch", "facebook", "custom"} {
		p, err := Named(name, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := time.Parse(time.DateOnly, p.CheckedOn); err != nil || p.Source == "" || !p.Takes(media.CodecH264) || !p.Takes(media.CodecAAC) {
			t.Errorf("%+v: %v", p, err)
		}
		if name != "custom" && !strings.HasPrefix(p.URL, "rtmps://") {
			t.Errorf("%s: %s", name, p.URL)
		}
	}
}

func TestOverride(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presets.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`[{"name": "twitch", "url": "rtmp://other/app", "codecs": ["H.264"]}]`)
	if p, err := Named("twitch", file); err != nil || p.URL != "rtmp://other/app" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := Named("youtube", file); err != nil || p.Title != "YouTube" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{`[{"nmae": "x"}]`, `[{"name": "x", "codecs": ["H264"]}]`, `[{"name": "x", "must": ["closed-gop"]}]`, `[{"name": "x", "severities": {"interlaced": "fatal"}}]`, `{`} {
		write(bad)
		if _, err := Named("x", file); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	if _, err := Named("youtueb", ""); err == nil || !strings.Contains(err.Error(), "youtube") {
		t.Error(err)
	}
}
