package hls

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"":           func(*Config) {},
		"container":  func(c *Config) { c.Container = "mkv" },
		"part":       func(c *Config) { c.Part = 0 },
		"segment":    func(c *Config) { c.Segment = time.Minute },
		"max_segmen": func(c *Config) { c.MaxSegment = time.Second },
		"segments":   func(c *Config) { c.Segments = 2 },
		"window":     func(c *Config) { c.Window = time.Hour },
		"linger":     func(c *Config) { c.Linger = -1 },
	} {
		c := defaults()
		change(&c)
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestPartTarget(t *testing.T) {
	for _, c := range []struct {
		frame, want time.Duration
	}{
		{time.Second / 30, 201 * time.Millisecond},
		{time.Second / 25, 201 * time.Millisecond},
		{time.Second / 60, 200 * time.Millisecond},
		{time.Second / 24, 210 * time.Millisecond},
		{1001 * time.Second / 30000, 202 * time.Millisecond},
		{1024 * time.Second / 48000, 200 * time.Millisecond},
		{time.Second / 10, 201 * time.Millisecond},
		{time.Second / 2, 501 * time.Millisecond},
		{0, 200 * time.Millisecond},
	} {
		if got := partTarget(200*time.Millisecond, c.frame); got != c.want {
			t.Errorf("frames of %v: %v, want %v", c.frame, got, c.want)
		}
	}
}

func TestNap(t *testing.T) {
	for part, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 20 * time.Millisecond,
		200 * time.Millisecond: 40 * time.Millisecond,
		time.Second:            40 * time.Millisecond,
	} {
		c := defaults()
		c.Part = part
		if got := c.nap(true); got != want {
			t.Errorf("parts of %v: naps of %v, want %v", part, got, want)
		}
		if c.nap(false) <= c.nap(true) {
			t.Errorf("parts of %v: no longer naps without viewers", part)
		}
	}
}

func TestShape(t *testing.T) {
	for _, c := range []struct {
		segment, most, first time.Duration
		target               int
	}{
		{2 * time.Second, 0, 2 * time.Second, 2},
		{2 * time.Second, 0, 2033 * time.Millisecond, 2},
		{2 * time.Second, 0, 8300 * time.Millisecond, 8},
		{2 * time.Second, 0, 8433 * time.Millisecond, 9},
		{2 * time.Second, 6 * time.Second, 2 * time.Second, 6},
		{time.Second, 0, 300 * time.Millisecond, 1},
	} {
		cfg := defaults()
		cfg.Segment, cfg.MaxSegment = c.segment, c.most
		if got := cfg.shape(c.first, 0).target; got != c.target {
			t.Errorf("%v: TARGETDURATION %d, want %d", c, got, c.target)
		}
	}
}
