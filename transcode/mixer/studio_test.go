package mixer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/transcode/mixer"
	"weir/transcode/worker"
	"weir/transcode/worker/workertest"
)

// studio is a graph of three cameras a, b and c, a mixer and a collector, in a bubble.
type studio struct {
	t      *testing.T
	orders map[string]chan order
	given  map[string]*order // the last one
	sink   stagetest.Collector
	graph  *pipeline.Graph
	plan   func(mixer.Config) *pipeline.Plan
	stop   func()
}

// order tells a camera how to go on.
type order struct {
	on, ended bool
	groups    []string // "" for no groups
	loud      float64
}

// camera sends 25 pictures a second while it is on, key pictures first and when it is
// asked for them, and sound that is so loud.
func camera(s *studio) pipeline.Factory {
	spec := pipeline.Spec{Type: "test/camera", Role: pipeline.Source, Live: true, Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{Form: media.FormAccess}}}}
	return pipeline.Define[stagetest.NoConfig](spec, func() stagetest.NoConfig { return stagetest.NoConfig{} },
		func(_ stagetest.NoConfig, env pipeline.Env) (pipeline.Stage, error) {
			return stagetest.Func(func(ctx context.Context, p *pipeline.Ports) error {
				return film(ctx, p.Out("out"), env.Epoch, s.orders[env.Stage])
			}), nil
		})
}

func film(ctx context.Context, out *pipeline.Output, epoch time.Time, orders <-chan order) error {
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	now := order{}
	var set *media.TrackSet
	fresh := false
	for {
		select {
		case next := <-orders:
			if next.ended {
				return nil
			}
			if set == nil && next.on || !slices.Equal(now.groups, next.groups) {
				set = tracks(next.groups)
				out.SetTracks(set)
				fresh = true
			}
			fresh = fresh || !now.on
			now = next
		case f := <-out.Feedback():
			if _, ok := f.(media.KeyframeRequest); ok {
				fresh = true
			}
		case <-tick.C:
			if !now.on {
				continue
			}
			for _, t := range set.Tracks {
				u := &media.Unit{Track: t, Flags: media.FrameEnd, Arrived: time.Now(), Access: [][]byte{workertest.Level(now.loud)}}
				u.DTS = t.Rate.Ticks(time.Since(epoch))
				u.PTS = u.DTS
				if fresh || t.Kind() == media.KindAudio {
					u.Flags |= media.Key
				}
				if err := out.Send(ctx, u); err != nil {
					return err
				}
			}
			fresh = false
		case <-ctx.Done():
			return nil
		}
	}
}

func tracks(groups []string) *media.TrackSet {
	if len(groups) == 0 {
		groups = []string{""}
	}
	set := &media.TrackSet{}
	for _, g := range groups {
		for _, t := range stagetest.Both().Tracks {
			own := *t
			own.ID, own.Group = t.ID+media.TrackID(g), g
			set.Tracks = append(set.Tracks, &own)
		}
	}
	return set
}

// open starts a studio whose mixer is called name.
func open(t *testing.T, name string, c mixer.Config) *studio {
	t.Helper()
	s := &studio{t: t, orders: make(map[string]chan order), given: make(map[string]*order)}
	host := worker.NewHostInside(worker.Config{Cores: 16}, workertest.Capabilities(), func(c net.Conn) error { return workertest.Serve(c) })
	reg, err := pipeline.NewRegistry(camera(s), mixer.Factory(host, "testdata"), s.sink.Factory())
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := pipeline.ParsePattern("live/x")
	if err != nil {
		t.Fatal(err)
	}
	s.plan = func(c mixer.Config) *pipeline.Plan {
		def := &pipeline.Definition{Pattern: pattern}
		var from []pipeline.From
		for _, cam := range []string{"a", "b", "c"} {
			def.Stages = append(def.Stages, pipeline.StageDef{Name: cam, Use: "test/camera", Config: &stagetest.NoConfig{}})
			from = append(from, pipeline.From{Stage: cam})
		}
		if f, _ := reg.Lookup(mixer.Type); f.Check(&c) != nil {
			t.Fatal(f.Check(&c))
		}
		def.Stages = append(def.Stages,
			pipeline.StageDef{Name: name, Use: mixer.Type, Config: &c, From: from},
			pipeline.StageDef{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: name}}})
		plan, problems := pipeline.NewPlan(def, reg)
		if plan == nil {
			t.Fatal(problems)
		}
		return plan
	}
	for _, cam := range []string{"a", "b", "c"} {
		s.orders[cam] = make(chan order)
	}
	s.graph = pipeline.NewGraph(s.plan(c), pipeline.Options{Path: "live/x", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.graph.Run(ctx) }()
	s.stop = func() { cancel(); <-ended }
	synctest.Wait()
	return s
}

// script runs "+a" (a camera sends), "-a" (it stops), "a:x,y" (it has these groups),
// "a=-20" (it is so loud), "/a" (it ends) and "3s" (wait).
func (s *studio) script(words string) {
	s.t.Helper()
	for w := range strings.FieldsSeq(words) {
		if d, err := time.ParseDuration(w); err == nil {
			time.Sleep(d)
			synctest.Wait()
			continue
		}
		cam := strings.Trim(w, "+-/")[:1]
		o := s.given[cam]
		if o == nil {
			o = &order{loud: -100}
			s.given[cam] = o
		}
		switch {
		case w[0] == '+' || w[0] == '-':
			o.on = w[0] == '+'
		case w[0] == '/':
			o.ended = true
		case w[1] == ':':
			o.on, o.groups = true, strings.Split(w[2:], ",")
		default:
			_, _ = fmt.Sscan(w[2:], &o.loud)
		}
		s.orders[cam] <- *o
		synctest.Wait()
	}
}

// canvas is what the newest picture shows: its time, and boxes as "a 0,0 640x720" with
// "^" if it stands out of the plane, and what is written on them.
func (s *studio) canvas() string {
	s.t.Helper()
	units := s.sink.Units()
	for _, u := range slices.Backward(units) {
		if u.Kind() == media.KindVideo {
			return picture(s.t, u)
		}
	}
	return ""
}

func picture(t *testing.T, u *media.Unit) string {
	t.Helper()
	var c workertest.Canvas
	if err := json.Unmarshal(u.Access[0], &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Missing) > 0 {
		t.Errorf("sprites %v are shown and not there", c.Missing)
	}
	var all []string
	for _, b := range c.Boxes {
		name, _, _ := strings.Cut(string(b.Track), "/")
		if _, group, ok := strings.Cut(string(b.Track), "/video"); ok && group != "" {
			name += "/" + group
		}
		var text strings.Builder
		text.WriteString(fmt.Sprintf("%s %.0f,%.0f %.0fx%.0f", name, b.X*1280, b.Y*720, b.Width*1280, b.Height*720))
		for _, p := range c.Sprites {
			if p.Z == b.Z+1 && p.X >= b.X && p.X < b.X+b.Width && p.Y >= b.Y && p.Y < b.Y+b.Height {
				text.WriteString(" *")
			}
		}
		all = append(all, text.String())
	}
	return strings.Join(all, " | ")
}

// status is what the mixer shows of itself.
func (s *studio) status() mixer.Status {
	s.t.Helper()
	for _, st := range s.graph.Snapshot().Stages {
		if d, ok := st.Detail.(mixer.Status); ok {
			return d
		}
	}
	s.t.Fatal("the mixer describes nothing")
	return mixer.Status{}
}

// participants is "a shown, b stalled".
func (s *studio) participants() string {
	var all []string
	for _, p := range s.status().Participants {
		all = append(all, p.Name+" "+p.State)
	}
	return strings.Join(all, ", ")
}

func defaults() mixer.Config {
	c, _ := mixer.Factory(nil, "").Config().(*mixer.Config)
	return *c
}
