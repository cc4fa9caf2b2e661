package hls

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, see the difference with -update; got:\n%s", name, got)
	}
}

// The exact playlists of a stream with audio and three layers of video that is
// interrupted once, in all three variants.
func TestGoldenPlaylists(t *testing.T) {
	both := stagetest.Both()
	set, _ := clip(t, "h264-aac.mp4")
	both.Tracks[0].Config = set.Track("video").Config
	variants := map[string]func(*Config){
		"low-latency": func(*Config) {},
		"fmp4":        func(c *Config) { c.LowLatency = false },
		"mpegts":      func(c *Config) { c.Container = containerMPEGTS },
	}
	for variant, change := range variants {
		t.Run(variant, func(t *testing.T) {
			s := newStudio(t, change)
			s.feed(ladder(both, 0, 13*time.Second))
			s.feed(flagged(ladder(both, 15*time.Second, 4500*time.Millisecond), media.Discontinuity))
			for _, leaf := range []string{"index", "video-hd", "audio"} {
				if variant == "mpegts" && leaf == "audio" {
					continue
				}
				golden(t, variant+"-"+leaf+playlistExt, s.text(t, leaf+playlistExt))
			}
			if variant == "low-latency" {
				golden(t, "low-latency-delta.m3u8", s.text(t, "video-hd.m3u8?_HLS_skip=YES"))
			}
			s.end()
			golden(t, variant+"-ended.m3u8", s.text(t, "video-hd.m3u8"))
		})
	}
}
