package lint

import (
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/platform"
)

// What no clip shows.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		preset, rule string
		severity     pipeline.Severity
		says         string
		facts        Facts
	}{
		{"youtube", "av_offset", pipeline.Doubtful, "1.5 s behind the picture's", Facts{Offset: -1500 * time.Millisecond}},
		{"twitch", "bitrate_over_max", pipeline.Wrong, "The sound comes with 320 kbit/s, and Twitch takes at most 160.", Facts{Audio: &Audio{Codec: media.CodecAAC, Bitrate: 320e3}}},
		{"twitch", "bitrate_over_max", pipeline.Wrong, "at most 6 Mbit/s for 1920x1080 with 60 frames", Facts{Video: &Video{Codec: media.CodecH264, Width: 1920, Height: 1080, FPS: 60, Bitrate: 8e6}}},
		{"twitch", "resolution_unsupported", pipeline.Wrong, "at most 60 frames a second", Facts{Video: &Video{Codec: media.CodecH264, Width: 1280, Height: 720, FPS: 120}}},
		{"facebook", "profile_level", pipeline.Wrong, "level 5.1; Facebook takes at most 4.2", Facts{Video: &Video{Codec: media.CodecH264, Level: 51}}},
		{"facebook", "audio_codec", pipeline.Wrong, "HE-AAC", Facts{Audio: &Audio{Codec: media.CodecAAC, Profile: "HE"}}},
		{"twitch", "audio_clipping", pipeline.Doubtful, "2.5 % of it is cut off", Facts{Audio: &Audio{Codec: media.CodecAAC, Clipping: 0.025}}},
		{"twitch", "audio_codec", pipeline.Wrong, "6 channels", Facts{Audio: &Audio{Codec: media.CodecAAC, Channels: 6}}},
		{"youtube", "", "", "", Facts{Video: &Video{Codec: media.CodecAV1, Width: 1080, Height: 1920, FPS: 60, Bitrate: 8e6}}},
		{"youtube", "", "", "", Facts{}},
	} {
		got := Check(&c.facts, preset(t, c.preset))
		switch {
		case c.rule == "" && len(got) == 0:
		case len(got) != 1 || got[0].Rule != c.rule || got[0].Severity != c.severity || !strings.Contains(got[0].Message, c.says) || !strings.Contains(got[0].Fix, "OBS: "):
			t.Errorf("%s: %+v", c.rule, got)
		}
	}
}

// A preset decides how much a rule matters to it.
func TestSeverities(t *testing.T) {
	p := platform.Preset{Codecs: []string{"H.264"}, Demands: platform.Demands{Must: []platform.Must{platform.Progressive}}}
	f := Facts{Video: &Video{Codec: media.CodecH264, Interlaced: true}}
	for severity, want := range map[string]int{"error": 1, "warning": 1, "off": 0} {
		p.Severities = map[string]string{"interlaced": severity}
		if got := Check(&f, &p); len(got) != want || want > 0 && string(got[0].Severity) != severity {
			t.Errorf("%s: %+v", severity, got)
		}
	}
}

// Sound whose timestamps are behind those of the picture that it arrives with; then its
// end.
func TestOffset(t *testing.T) {
	video := &media.Track{ID: "v", Codec: media.CodecH264, Rate: media.VideoRate, Layers: []media.Layer{{}}}
	audio := &media.Track{ID: "a", Codec: media.CodecAAC, Rate: 48000, Channels: 2}
	var m Meter
	m.Tracks(video, 0, audio)
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	send := func(i int, sound bool) {
		at := time.Duration(i) * 40 * time.Millisecond
		arrived := began.Add(at)
		v := media.VideoRate.Ticks(at + 10*time.Second)
		m.Unit(&media.Unit{Track: video, DTS: v, PTS: v, Arrived: arrived, Access: [][]byte{{0x41, 1}}})
		if sound {
			a := audio.Rate.Ticks(at + 8*time.Second)
			m.Unit(&media.Unit{Track: audio, DTS: a, PTS: a, Arrived: arrived, Access: [][]byte{{1}}})
		}
	}
	for i := range 100 {
		send(i, true)
	}
	if f := m.Facts(); f.Offset.Round(time.Millisecond) != -2*time.Second || f.Silent || f.Jumps != 0 {
		t.Errorf("%+v", f)
	}
	for i := 100; i < 250; i++ {
		send(i, false)
	}
	if f := m.Facts(); !f.Silent {
		t.Errorf("%+v", f)
	}
}
