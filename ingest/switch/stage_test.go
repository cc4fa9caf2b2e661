package switcher

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	stagetest.Run(t, Factory(), stagetest.Options{})
}

// studio is a graph of three sources, a switch and a collector.
type studio struct {
	t     *testing.T
	sink  stagetest.Collector
	feeds map[string]chan bool // switches a source on and off
	stop  func()
}

// source sends a picture every 40 ms while it is on, a key picture every second.
func (s *studio) source() pipeline.Factory {
	return pipeline.Define[stagetest.NoConfig](
		pipeline.Spec{Type: "test/source", Role: pipeline.Source, Out: []pipeline.Port{{Name: "out"}}},
		func() stagetest.NoConfig { return stagetest.NoConfig{} },
		func(_ stagetest.NoConfig, env pipeline.Env) (pipeline.Stage, error) {
			return stagetest.Func(func(ctx context.Context, p *pipeline.Ports) error {
				track := stagetest.VideoTrack()
				track.Language = env.Stage // tells the sources apart
				p.Out("out").SetTracks(&media.TrackSet{Tracks: []*media.Track{track}})
				tick := time.NewTicker(40 * time.Millisecond)
				defer tick.Stop()
				on, n := false, 0
				for {
					select {
					case on = <-s.feeds[env.Stage]:
						n = 0
					case <-tick.C:
						if !on {
							continue
						}
						u := &media.Unit{Track: track, Access: [][]byte{{0x41}}}
						u.DTS = track.Rate.Ticks(time.Since(env.Epoch))
						u.PTS = u.DTS
						if n%25 == 0 {
							u.Flags |= media.Key
						}
						n++
						if err := p.Out("out").Send(ctx, u); err != nil {
							return err
						}
					case <-ctx.Done():
						return nil
					}
				}
			}), nil
		})
}

func newStudio(t *testing.T, policy string) *studio {
	t.Helper()
	s := &studio{t: t, feeds: map[string]chan bool{"a": make(chan bool), "b": make(chan bool), "c": make(chan bool)}}
	reg, err := pipeline.NewRegistry(s.source(), Factory(), s.sink.Factory())
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := pipeline.ParsePattern("live/x")
	if err != nil {
		t.Fatal(err)
	}
	def := &pipeline.Definition{Pattern: pattern}
	var from []pipeline.From
	for _, name := range []string{"a", "b", "c"} {
		def.Stages = append(def.Stages, pipeline.StageDef{Name: name, Use: "test/source", Config: &stagetest.NoConfig{}})
		from = append(from, pipeline.From{Stage: name})
	}
	def.Stages = append(def.Stages,
		pipeline.StageDef{Name: "switch", Use: "ingest/switch", Config: &Config{Policy: policy}, From: from},
		pipeline.StageDef{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "switch"}}})
	plan, problems := pipeline.NewPlan(def, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	g := pipeline.NewGraph(plan, pipeline.Options{Path: "live/x", Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); g.Run(ctx) }()
	s.stop = func() { cancel(); <-ended }
	synctest.Wait()
	return s
}

// script runs "+a" (switch on), "-a" (off) and "3s" (wait), and says who was on air
// when, to a tenth of a second.
func (s *studio) script(words string) string {
	s.t.Helper()
	for w := range strings.FieldsSeq(words) {
		switch w[0] {
		case '+', '-':
			s.feeds[w[1:]] <- w[0] == '+'
		default:
			d, err := time.ParseDuration(w)
			if err != nil {
				s.t.Fatal(err)
			}
			time.Sleep(d)
		}
		synctest.Wait()
	}
	s.stop()
	var out []string
	var last *media.Unit
	for _, u := range s.sink.Units() {
		switch {
		case last != nil && u.DTS <= last.DTS:
			s.t.Errorf("DTS %d after %d", u.DTS, last.DTS)
		case last == nil || last.Track.Language != u.Track.Language:
			if !u.Flags.Has(media.Key) || u.Flags.Has(media.Discontinuity) != (last != nil) {
				s.t.Errorf("%s begins with %s", u.Track.Language, u.Flags)
			}
			out = append(out, fmt.Sprintf("%s@%.1fs", u.Track.Language, u.Time().Seconds()))
		}
		last = u
	}
	return strings.Join(out, " ")
}

func TestScripts(t *testing.T) {
	for name, c := range map[string]struct{ policy, script, want string }{
		"the newest is on air":          {newest, "+a 3s +b 3s", "a@0.0s b@3.0s"},
		"an old one does not come back": {newest, "+a 3s +b 3s -b 1s +b 1s", "a@0.0s b@3.0s"},
		"the one that is left":          {newest, "+a 1s +b 3s -b 6s", "a@0.0s b@1.0s a@6.0s"},
		"a publisher comes back":        {newest, "+a 1s +b 3s -a 3s +a 2s", "a@0.0s b@1.0s a@7.0s"},
		"order holds":                   {inOrder, "+b 3s +c 3s", "b@0.0s"},
		"the preferred one comes back":  {inOrder, "+b 3s +a 5s", "b@0.0s a@4.0s"},
		"the backup takes over":         {inOrder, "+a 1s +b 3s -a 6s", "a@0.0s b@6.0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := newStudio(t, c.policy).script(c.script); got != c.want {
					t.Errorf("%s: %s, want %s", c.script, got, c.want)
				}
			})
		})
	}
}
