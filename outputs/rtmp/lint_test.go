package rtmp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// What comes is compared with what the platform wants, is shown, counted and logged
// once; and once more when all is well again.
func TestFindings(t *testing.T) {
	var log bytes.Buffer
	c := defaults()
	c.Preset, c.Key, c.Delay = "facebook", pipeline.NewSecret("key"), time.Minute
	s, err := newStage(c, pipeline.Env{Log: slog.New(slog.NewTextHandler(&log, nil))}, func(context.Context, endpoint) (session, error) {
		return nil, errors.New("nobody is there")
	})
	if err != nil {
		t.Fatal(err)
	}
	rules := func() (all []string) {
		for _, f := range s.Describe().(Description).Findings {
			all = append(all, f.Rule)
		}
		return all
	}
	began := time.Now()
	see := func(set *media.TrackSet, from, to time.Duration) {
		for _, item := range stagetest.MovieFrom(set, from, to) {
			switch it := item.(type) {
			case *media.TrackSet:
				s.choose(it)
			case *media.Unit:
				it.Arrived = began.Add(it.Time())
				s.take(it)
			}
		}
	}
	both := stagetest.Both()
	mute := &media.TrackSet{Version: 1, Tracks: both.Tracks[:1]}
	see(mute, 0, 8*time.Second) // tiny pictures
	if got := rules(); !slices.Equal(got, []string{"bitrate_under_min", "audio_missing"}) {
		t.Errorf("%q", got)
	}
	figures := 0
	for _, f := range s.Measure() {
		if f.Name == "lint" && f.Value == 1 {
			figures++
		}
	}
	if figures != 2 {
		t.Errorf("%d figures", figures)
	}
	see(both, 8*time.Second, 8*time.Second)
	if got := rules(); !slices.Equal(got, []string{"bitrate_under_min"}) {
		t.Errorf("%q", got)
	}
	for _, want := range []string{"rule=audio_missing severity=warning", "Facebook wants sound", `as Facebook wants it again" preset=facebook rule=audio_missing`} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%q is in the log %d times:\n%s", want, n, log.String())
		}
	}
}

// Before there is a stage, what has come of late is compared with what the platform wants.
func TestExamine(t *testing.T) {
	c := defaults()
	c.Preset = "facebook"
	both := stagetest.Both()
	rules := func(set *media.TrackSet) (all []string) {
		var units []*media.Unit
		began := time.Now()
		for _, item := range stagetest.MovieFrom(set, 0, 9*time.Second) {
			if u, ok := item.(*media.Unit); ok {
				u.Arrived = began.Add(u.Time())
				units = append(units, u)
			}
		}
		for _, f := range c.Examine(set, units) {
			all = append(all, f.Rule)
		}
		return all
	}
	if got := rules(both); !slices.Equal(got, []string{"bitrate_under_min"}) {
		t.Errorf("%q", got)
	}
	if got := rules(&media.TrackSet{Version: 1, Tracks: both.Tracks[:1]}); !slices.Equal(got, []string{"bitrate_under_min", "audio_missing"}) {
		t.Errorf("%q", got)
	}
}
