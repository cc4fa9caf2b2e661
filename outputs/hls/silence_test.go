package hls

import (
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
	"weir/test/machine"
)

// A track without units is silent, in frames that a decoder accepts.
func TestSilenceDecodes(t *testing.T) {
	machine.Long(t)
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	tracks := map[string]*media.Track{
		"opus mono":   {Codec: media.CodecOpus, Rate: 48000, Channels: 1, Config: bitstream.OpusHead(1, 312)},
		"opus stereo": {Codec: media.CodecOpus, Rate: 48000, Channels: 2, Config: bitstream.OpusHead(2, 312)},
	}
	for name, channels := range map[string]int{"aac mono": 1, "aac stereo": 2} {
		config, err := bitstream.AudioSpecificConfig(44100, channels)
		if err != nil {
			t.Fatal(err)
		}
		tracks[name] = &media.Track{Codec: media.CodecAAC, Rate: 44100, Channels: channels, Config: config}
	}
	for name, track := range tracks {
		t.Run(name, func(t *testing.T) {
			track.ID, track.Form = "audio", media.FormAccess
			s := newStudio(t, func(c *Config) { c.Segments = 20 })
			srv := httptest.NewServer(s.site)
			defer srv.Close()
			set, units := clip(t, "video-only.mp4")
			set.Tracks = append(set.Tracks, track)
			s.feed(loop(set, units, 1))
			s.end()
			s.check(t)
			out, err := exec.CommandContext(t.Context(), path, "-hide_banner", "-nostats", "-v", "info", "-live_start_index", "0",
				"-i", srv.URL+"/"+testPath+"/index.m3u8", "-map", "0:a", "-af", "volumedetect", "-f", "null", "-").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			text := string(out)
			if !regexp.MustCompile(`mean_volume: -9\d\.\d dB`).MatchString(text) || strings.Contains(strings.ToLower(text), "error") {
				t.Errorf("not silence:\n%s", text)
			}
			if m := regexp.MustCompile(`n_samples: (\d+)`).FindStringSubmatch(text); m == nil || len(m[1]) < 6 {
				t.Errorf("too few samples:\n%s", text)
			}
		})
	}
}
