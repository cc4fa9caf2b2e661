package hls

import (
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// movie makes d of synthetic media from a time on.
func movie(set *media.TrackSet, from, d time.Duration) []media.Item {
	return stagetest.MovieFrom(set, from, d)
}

// units are the units among items that match.
func where(items []media.Item, keep func(*media.Unit) bool) []media.Item {
	return slices.DeleteFunc(slices.Clone(items), func(item media.Item) bool {
		u, ok := item.(*media.Unit)
		return ok && !keep(u)
	})
}

// flagged sets a flag on the first unit of each track.
func flagged(items []media.Item, f media.Flags) []media.Item {
	seen := map[media.TrackID]bool{}
	out := slices.Clone(items)
	for i, item := range out {
		if u, ok := item.(*media.Unit); ok && !seen[u.Track.ID] {
			seen[u.Track.ID] = true
			v := *u
			v.Flags |= f
			out[i] = &v
		}
	}
	return out
}

// ladder is movie with three layers of video.
func ladder(set *media.TrackSet, from, d time.Duration) []media.Item {
	video := *set.Tracks[0]
	video.Layers = []media.Layer{
		{Name: "hd", Width: 1280, Height: 720, FPS: 30},
		{Name: "md", Width: 640, Height: 360, FPS: 30},
		{Name: "sd", Width: 320, Height: 180, FPS: 30},
	}
	wide := &media.TrackSet{Version: set.Version, Tracks: []*media.Track{&video, set.Tracks[1]}}
	var items []media.Item
	for _, item := range movie(wide, from, d) {
		items = append(items, item)
		if u, ok := item.(*media.Unit); ok && isVideo(u) {
			for i := range int8(2) {
				v := *u
				v.Layer = i + 1
				items = append(items, &v)
			}
		}
	}
	return items
}

// keysOnly leaves out the other units of a layer between two times.
func keysOnly(items []media.Item, layer int8, from, until time.Duration) []media.Item {
	return where(items, func(u *media.Unit) bool {
		return !isVideo(u) || u.Layer != layer || u.Time() < from || u.Time() >= until || u.Flags.Has(media.Key)
	})
}

func isVideo(u *media.Unit) bool { return u.Kind() == media.KindVideo }
func isAudio(u *media.Unit) bool { return u.Kind() == media.KindAudio }

// outline is what matters of a playlist in one word a segment: its duration, "|"
// for a discontinuity before it, "~" for a gap.
func (l *list) outline() string {
	var words []string
	for _, seg := range l.segments {
		w := time.Duration(seg.duration * float64(time.Second)).Round(10 * time.Millisecond).String()
		if seg.gap {
			w = "~" + w
		}
		if seg.discontinuity {
			w = "| " + w
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

func TestScenarios(t *testing.T) {
	both := stagetest.Both()
	real, _ := clip(t, "h264-aac.mp4")
	both.Tracks[0].Config = real.Track("video").Config
	only := func(id media.TrackID) *media.TrackSet {
		return &media.TrackSet{Version: 2, Tracks: []*media.Track{both.Track(id)}}
	}
	cases := []struct {
		name   string
		change func(*Config)
		feed   func(s *studio)
		want   map[string]string
	}{{
		name: "one stream",
		feed: func(s *studio) { s.feed(movie(both, 0, 9*time.Second)) },
		want: map[string]string{"video": "2s 2s 2s 2s 1s", "audio": "2.01s 2.01s 2.01s 1.98s 1s"},
	}, {
		name: "video only",
		feed: func(s *studio) { s.feed(movie(only("video"), 0, 5*time.Second)) },
		want: map[string]string{"video": "2s 2s 1s"},
	}, {
		name: "audio only",
		feed: func(s *studio) { s.feed(movie(only("audio"), 0, 5*time.Second)) },
		want: map[string]string{"audio": "1.92s 1.92s 1.17s"},
	}, {
		name: "sound goes on behind the picture",
		feed: func(s *studio) {
			s.feed(movie(both, 0, 5*time.Second))
			s.feed(where(movie(both, 5*time.Second, 7*time.Second), isAudio))
		},
		want: map[string]string{"video": "2s 2s 1s", "audio": "2.01s 2.01s 2.4s 2.39s 2.39s 830ms"},
	}, {
		name: "the source starts anew after 3 seconds",
		feed: func(s *studio) {
			s.feed(movie(both, 0, 5*time.Second))
			s.feed(flagged(movie(both, 8*time.Second, 5*time.Second), media.Discontinuity))
		},
		want: map[string]string{"video": "2s 2s 1s | 2s 2s 1s", "audio": "2.01s 2.01s 1s | 2.01s 2.01s 1s"},
	}, {
		name: "other parameters",
		feed: func(s *studio) {
			s.feed(movie(both, 0, 5*time.Second))
			wide := *both.Tracks[0]
			wide.Config = slices.Clone(wide.Config)
			wide.Config[3] = 0x1f
			s.feed(movie(&media.TrackSet{Version: 2, Tracks: []*media.Track{&wide, both.Tracks[1]}}, 5*time.Second, 3*time.Second))
		},
		want: map[string]string{"video": "2s 2s 1s | 2s 1s", "audio": "2.01s 2.01s 1s | 2.01s 1s"},
	}, {
		name: "audio is muted by omission",
		feed: func(s *studio) {
			s.feed(where(movie(both, 0, 9*time.Second), func(u *media.Unit) bool {
				return isVideo(u) || u.Time() < 3*time.Second || u.Time() > 7*time.Second
			}))
		},
		want: map[string]string{"video": "2s 2s 2s 2s 1s", "audio": "2.01s 2.01s 2.01s 1.98s 1s"},
	}, {
		name: "audio disappears",
		feed: func(s *studio) {
			s.feed(movie(both, 0, 3*time.Second))
			s.feed(movie(only("video"), 3*time.Second, 3*time.Second))
		},
		want: map[string]string{"video": "2s 2s 2s", "audio": "2.01s 2.01s 2.01s"},
	}, {
		name: "audio appears",
		feed: func(s *studio) {
			s.feed(movie(only("video"), 0, 3*time.Second))
			s.feed(movie(both, 3*time.Second, 3*time.Second))
		},
		want: map[string]string{"video": "2s 1s | 2s 1s", "audio": "| 2.01s 1s"},
	}, {
		name: "video appears",
		feed: func(s *studio) {
			s.feed(movie(only("audio"), 0, 3*time.Second))
			s.feed(movie(both, 3*time.Second, 3*time.Second))
		},
		want: map[string]string{"video": "| 2s 1s", "audio": "1.92s 1.09s | 2.01s 1s"},
	}, {
		name: "video disappears",
		feed: func(s *studio) {
			s.feed(movie(both, 0, 3*time.Second))
			s.feed(movie(only("audio"), 3*time.Second, 5*time.Second))
		},
		want: map[string]string{"video": "2s 1s | ~1.92s ~1.92s ~1.17s", "audio": "2.01s 1s | 1.92s 1.92s 1.17s"},
	}, {
		name: "video disappears for a moment",
		feed: func(s *studio) {
			s.feed(movie(both, 0, 3*time.Second))
			s.feed(movie(only("audio"), 3*time.Second, 1950*time.Millisecond))
			s.feed(movie(both, 4950*time.Millisecond, 3*time.Second))
		},
		want: map[string]string{"video": "2s 1s | ~1.92s ~30ms | 2s 1s", "audio": "2.01s 1s | 1.92s 40ms | 2.01s 1s"},
	}, {
		name: "video stalls for a second",
		feed: func(s *studio) {
			s.feed(where(movie(both, 0, 7*time.Second), func(u *media.Unit) bool {
				return isAudio(u) || u.Time() < 3200*time.Millisecond || u.Time() >= 4200*time.Millisecond
			}))
		},
		want: map[string]string{"video": "2s 2.23s 770ms 2s", "audio": "2.01s 2.24s 770ms 2.01s"},
	}, {
		name: "everything stalls for an hour",
		feed: func(s *studio) {
			s.feed(movie(both, 0, 3*time.Second))
			s.feed(movie(both, time.Hour, 3*time.Second)[1:])
		},
		want: map[string]string{"video": "2s 1s | 2s 1s", "audio": "2.01s 1s | 2.01s 1s"},
	}, {
		name: "no key frames but the first",
		feed: func(s *studio) {
			s.feed(where(movie(both, 0, 25*time.Second), func(u *media.Unit) bool {
				return isAudio(u) || !u.Flags.Has(media.Key) || u.Time() == 0
			}))
		},
		want: map[string]string{"video": "9.97s 10.4s 4.63s", "audio": "9.98s 10.39s 4.63s"},
	}, {
		name: "three layers",
		feed: func(s *studio) { s.feed(ladder(both, 0, 5*time.Second)) },
		want: map[string]string{
			"video-hd": "2s 2s 1s", "video-md": "2s 2s 1s", "video-sd": "2s 2s 1s", "audio": "2.01s 2.01s 1s",
		},
	}, {
		name: "a layer pauses",
		feed: func(s *studio) {
			s.feed(where(ladder(both, 0, 13*time.Second), func(u *media.Unit) bool {
				return u.Layer != 2 || u.Time() < 4*time.Second || u.Time() >= 9900*time.Millisecond
			}))
		},
		want: map[string]string{
			"video-hd": "2s 2s 2s 2s 2s 2s 1s", "video-sd": "2s 2s ~2s ~2s ~2s 2s 1s",
		},
	}, {
		name: "a layer keeps nothing but its key frames",
		feed: func(s *studio) { s.feed(keysOnly(ladder(both, 0, 9*time.Second), 2, 2*time.Second, 6*time.Second)) },
		want: map[string]string{
			"video-hd": "2s 2s 2s 2s 1s", "video-sd": "2s ~2s ~2s 2s 1s", "audio": "2.01s 2.01s 2.01s 1.98s 1s",
		},
	}, {
		name:   "plain fMP4: a layer keeps nothing but its key frames, and then none",
		change: func(c *Config) { c.LowLatency = false },
		feed: func(s *studio) {
			s.feed(where(keysOnly(ladder(both, 0, 13*time.Second), 2, 2*time.Second, 6*time.Second), func(u *media.Unit) bool {
				return u.Layer != 2 || u.Time() < 6500*time.Millisecond || u.Time() >= 10200*time.Millisecond
			}))
		},
		want: map[string]string{"video-hd": "2s 2s 2s 2s 2s 2s 1s", "video-sd": "2s 2s 2s 2s ~2s ~2s 1s"},
	}, {
		name: "the layer that leads keeps nothing but its key frames",
		feed: func(s *studio) { s.feed(keysOnly(ladder(both, 0, 9*time.Second), 0, 2*time.Second, 6*time.Second)) },
		want: map[string]string{
			"video-hd": "2s ~2s ~2s 2s 1s", "video-md": "2s 2s 2s 2s 1s", "audio": "2.01s 2.01s 2.01s 1.98s 1s",
		},
	}, {
		name: "the layer that leads pauses",
		feed: func(s *studio) {
			s.feed(where(ladder(both, 0, 9*time.Second), func(u *media.Unit) bool {
				return !isVideo(u) || u.Layer != 0 || u.Time() < 2500*time.Millisecond || u.Time() >= 6500*time.Millisecond
			}))
		},
		want: map[string]string{
			"video-hd": "2s ~2s ~2s ~2s 1s", "video-md": "2s 2s 2s 2s 1s", "audio": "2.01s 2.01s 2.01s 1.98s 1s",
		},
	}, {
		name: "a layer that pauses comes late",
		feed: func(s *studio) {
			var late []media.Item
			for _, item := range where(ladder(both, 0, 13*time.Second), func(u *media.Unit) bool {
				return u.Layer != 2 || u.Time() < 2500*time.Millisecond || u.Time() >= 8*time.Second
			}) {
				u, ok := item.(*media.Unit)
				if ok && u.Layer == 2 {
					late = append(late, item)
				} else {
					s.take(item)
				}
				if len(late) > 75 {
					s.take(late[0])
					late = late[1:]
				}
			}
			s.feed(late)
		},
		want: map[string]string{
			"video-hd": "2s 2s 2s 2s 2s 2s 1s", "video-sd": "2s ~2s ~2s ~2s 2s 2s 1s",
		},
	}, {
		name: "all layers stall for a second",
		feed: func(s *studio) {
			s.feed(where(ladder(both, 0, 7*time.Second), func(u *media.Unit) bool {
				return isAudio(u) || u.Time() < 3200*time.Millisecond || u.Time() >= 4200*time.Millisecond
			}))
		},
		want: map[string]string{"video-hd": "2s 2.23s 770ms 2s", "video-sd": "2s 2.23s 770ms 2s"},
	}, {
		name: "a layer's key frames come a second late",
		feed: func(s *studio) {
			for _, item := range ladder(both, 0, 8*time.Second) {
				if u, ok := item.(*media.Unit); ok && u.Layer == 2 && u.DTS > 0 {
					v := *u
					if v.Flags &^= media.Key; u.DTS%90000 == 45000 {
						v.Flags |= media.Key
					}
					item = &v
				}
				s.take(item)
			}
		},
		want: map[string]string{"video-hd": "2s 2s 2s 2s", "video-sd": "2.07s 2s 2s 1.93s"},
	}, {
		name:   "MPEG-TS",
		change: func(c *Config) { c.Container = containerMPEGTS },
		feed:   func(s *studio) { s.feed(movie(both, 0, 5*time.Second)) },
		want:   map[string]string{"video": "2s 2s 1s"},
	}, {
		name:   "MPEG-TS with layers, restarted",
		change: func(c *Config) { c.Container = containerMPEGTS },
		feed: func(s *studio) {
			s.feed(ladder(both, 0, 5*time.Second))
			s.feed(flagged(ladder(both, 7*time.Second, 3*time.Second), media.Discontinuity))
		},
		want: map[string]string{"video-hd": "2s 2s 1s | 2s 1s", "video-sd": "2s 2s 1s | 2s 1s"},
	}, {
		name:   "MPEG-TS: audio only, then video too",
		change: func(c *Config) { c.Container = containerMPEGTS },
		feed: func(s *studio) {
			s.feed(movie(only("audio"), 0, 3*time.Second))
			s.feed(movie(both, 3*time.Second, 3*time.Second))
		},
		want: map[string]string{"audio": "1.92s 1.09s | ~2s ~1s", "video": "| 2s 1s"},
	}, {
		name:   "plain fMP4",
		change: func(c *Config) { c.LowLatency = false },
		feed:   func(s *studio) { s.feed(movie(both, 0, 5*time.Second)) },
		want:   map[string]string{"video": "2s 2s 1s", "audio": "2.01s 2.01s 1s"},
	}, {
		name: "audio is two seconds ahead",
		feed: func(s *studio) {
			items := movie(both, 0, 9*time.Second)
			var late []media.Item
			for _, item := range items {
				u, ok := item.(*media.Unit)
				if ok && isVideo(u) && u.Time() > 0 {
					late = append(late, item)
					if len(late) > 60 {
						s.take(late[0])
						late = late[1:]
					}
					continue
				}
				s.take(item)
			}
			s.feed(late)
		},
		want: map[string]string{"video": "2s 2s 2s 2s 1s", "audio": "2.01s 2.01s 2.01s 1.98s 1s"},
	}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStudio(t, func(cfg *Config) {
				cfg.Segments = 30
				if c.change != nil {
					c.change(cfg)
				}
			})
			c.feed(s)
			s.check(t)
			s.end()
			lists := s.check(t)
			for name, want := range c.want {
				if lists[name] == nil {
					t.Errorf("no %s", name)
				} else if got := lists[name].outline(); got != want {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
			}
			if len(s.bounds) > 2 {
				t.Errorf("%d boundaries are left", len(s.bounds))
			}
		})
	}
}
