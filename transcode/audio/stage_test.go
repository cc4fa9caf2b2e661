package audio_test

import (
	"slices"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/transcode/audio"
	"weir/transcode/rendition"
	"weir/transcode/worker"
	"weir/transcode/worker/workertest"
)

func TestMain(m *testing.M) { workertest.Main(m) }

func host(t testing.TB) *worker.Host {
	t.Helper()
	return workertest.Host(t, worker.Config{})
}

func TestStage(t *testing.T) { stagetest.Run(t, audio.Factory(host(t)), stagetest.Options{}) }

// AAC becomes Opus in front of a consumer that takes no AAC, and pictures pass.
func TestAdaptation(t *testing.T) {
	for name, c := range map[string]struct {
		takes []media.Codec
		sound media.Codec // that comes
		want  string
		runs  bool
	}{
		"AAC for Opus":                   {[]media.Codec{media.CodecH264, media.CodecOpus}, media.CodecAAC, "~opus", true},
		"Opus for Opus":                  {[]media.Codec{media.CodecH264, media.CodecOpus}, media.CodecOpus, "~opus", false},
		"Opus for AAC":                   {[]media.Codec{media.CodecH264, media.CodecAAC}, media.CodecOpus, "~aac", true},
		"MP3 where both may be":          {[]media.Codec{media.CodecH264, media.CodecAAC, media.CodecOpus}, media.CodecMP3, "~aac", true},
		"Opus where only MP3 may not be": {[]media.Codec{media.CodecH264, media.CodecAAC, media.CodecOpus}, media.CodecOpus, "~aac", false},
	} {
		t.Run(name, func(t *testing.T) {
			set := stagetest.Both()
			sound := *set.Tracks[1]
			sound.Codec = c.sound
			set.Tracks[1] = &sound
			got := workertest.Adapt(t, audio.Factory(host(t)), c.takes, stagetest.Movie(set, 2*time.Second))
			if got.Inserted != c.want {
				t.Fatalf("the planner inserted %q, want %q", got.Inserted, c.want)
			}
			var kinds []media.Kind
			for _, u := range got.Units {
				if !slices.Contains(c.takes, u.Track.Codec) {
					t.Fatalf("%v reaches a consumer that does not take it", u.Track.Codec)
				}
				kinds = append(kinds, u.Kind())
			}
			pictures := len(slices.DeleteFunc(slices.Clone(kinds), func(k media.Kind) bool { return k != media.KindVideo }))
			if pictures != 60 || len(kinds)-pictures < 90 {
				t.Errorf("%d pictures, %d frames of sound", pictures, len(kinds)-pictures)
			}
			if runs := got.Status.Worker != nil; runs != c.runs {
				t.Errorf("a worker runs: %v; %+v", runs, got.Status)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		cfg audio.Config
		ok  bool
	}{
		{audio.Config{Sound: rendition.Sound{Codec: "opus"}}, true},
		{audio.Config{Sound: rendition.Sound{Codec: "aac", Bitrate: 128e3, Channels: 1}}, true},
		{audio.Config{Sound: rendition.Sound{Codec: "mp3"}}, false},
		{audio.Config{Sound: rendition.Sound{Codec: "aac", Bitrate: 1000}}, false},
		{audio.Config{Sound: rendition.Sound{Codec: "aac", Channels: 6}}, false},
	} {
		if err := c.cfg.Validate(); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}
