package hls

import (
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// deliver feeds items as they come to the output: each when when says.
func deliver(s *studio, items []media.Item, when func(*media.Unit) time.Duration) {
	start := time.Now()
	for at := time.Duration(0); len(items) > 0; at += 20 * time.Millisecond {
		<-time.After(time.Until(start.Add(at)))
		rest := items[:0:0]
		for _, item := range items {
			if u, ok := item.(*media.Unit); ok && when(u) > at {
				rest = append(rest, item)
			} else {
				s.take(item)
			}
		}
		items = rest
	}
}

// Silence takes the place of sound that does not come, not of sound that comes late.
func TestLateSound(t *testing.T) {
	const length = 9 * time.Second
	clumps := func(u *media.Unit) time.Duration {
		return u.Time().Truncate(800*time.Millisecond) + 800*time.Millisecond
	}
	for name, c := range map[string]struct {
		when   func(*media.Unit) time.Duration
		silent time.Duration // how much sound is silence at the end
	}{
		"behind the picture": {when: func(u *media.Unit) time.Duration {
			if isAudio(u) {
				return u.Time() + 400*time.Millisecond
			}
			return u.Time()
		}},
		// A path that loses packets holds all that follows back until they came again.
		"in clumps, the picture first": {when: func(u *media.Unit) time.Duration {
			if isAudio(u) {
				return clumps(u) + time.Millisecond
			}
			return clumps(u)
		}},
		// A worker has to be started for it.
		"three seconds late at first": {when: func(u *media.Unit) time.Duration {
			if isAudio(u) {
				return max(u.Time(), 3*time.Second)
			}
			return u.Time()
		}},
		"never": {silent: length, when: func(u *media.Unit) time.Duration {
			if isAudio(u) {
				return time.Hour
			}
			return u.Time()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t, func(c *Config) { c.Segments = 30 })
				items := movie(stagetest.Both(), 0, length)
				if c.silent > 0 {
					items = where(items, isVideo)
				}
				deliver(s, items, c.when)
				lists := s.check(t)
				if lists["audio"] == nil || len(lists["audio"].segments) < 3 {
					t.Error("there is no sound")
				}
				s.end()
				for why, n := range s.notes.dropped {
					t.Errorf("%d units left out: %s", n, why)
				}
				if got := s.check(t)["audio"].outline(); got != "2.01s 2.01s 2.01s 1.98s 1s" && got != "2s 2.01s 2.01s 1.98s 1s" {
					t.Errorf("sound: %s", got)
				}
			})
		})
	}
}

// What of a layer comes when its segments were given up is not put into later ones.
func TestLateLayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, func(c *Config) { c.Segments = 30 })
		deliver(s, ladder(stagetest.Both(), 0, 15*time.Second), func(u *media.Unit) time.Duration {
			if u.Layer == 2 && u.Time() >= 5*time.Second {
				return u.Time() + max(0, 5*time.Second-(u.Time()-5*time.Second))
			}
			return u.Time()
		})
		s.check(t)
		s.end()
		if got := s.check(t)["video-sd"].outline(); got != "2s 2s ~2s ~2s 2s 2s 2s 1s" {
			t.Errorf("the late layer: %s", got)
		}
	})
}
